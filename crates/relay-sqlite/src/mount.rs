//! **Here**: whether a path lies on a network file system, read from Linux's list of mounts.
//! **Not here**: what follows from it (`journal`). Other systems are not asked: there the answer is always "no".
//! **Reads**: nothing before it; `journal` after it.
//! **Source**: <https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html> and
//! <https://www.sqlite.org/wal.html> ("WAL does not work over a network filesystem"), read 2026-11-23.

use std::path::{Path, PathBuf};

/// A mount: where, and which type of file system.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mount {
    pub(crate) at: PathBuf,
    pub(crate) kind: String,
}

/// Types that are network file systems; a FUSE file system carries its name after `fuse.`.
const NETWORK: [&str; 28] = [
    "9p",
    "acfs",
    "afpfs",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "coda",
    "davfs",
    "davfs2",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "ocfs2",
    "orangefs",
    "pvfs2",
    "rclone",
    "s3fs",
    "smb2",
    "smb3",
    "smbfs",
    "sshfs",
    "vboxsf",
    "virtiofs",
    "vmhgfs",
];

/// The network file system that this existing folder or file lies on, if it does.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(path: &Path) -> Option<Mount> {
    // Without /proc nothing is known, and nothing is refused.
    let table = std::fs::read("/proc/self/mountinfo").ok()?;
    let real = path.canonicalize().ok()?;
    mount_of(&String::from_utf8_lossy(&table), &real).filter(|mount| is_network(&mount.kind))
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_path: &Path) -> Option<Mount> {
    None
}

/// Whether the numbers of files (inodes) stay the same there when it is mounted again. Network file systems, and those of FUSE,
/// may give others each time.
#[cfg(target_os = "linux")]
pub(crate) fn keeps_numbers(path: &Path) -> bool {
    let table = std::fs::read("/proc/self/mountinfo").ok();
    let mount =
        table.and_then(|table| mount_of(&String::from_utf8_lossy(&table), &path.canonicalize().ok()?));
    mount.is_some_and(|mount| does_keep_numbers(&mount.kind))
}

/// Whether the numbers of files stay the same there.
#[cfg(not(target_os = "linux"))]
pub(crate) fn keeps_numbers(_path: &Path) -> bool {
    cfg!(unix)
}

/// The mount that an absolute path lies on: the one with the longest path; of equal ones the last, which hides the others.
pub(crate) fn mount_of(table: &str, path: &Path) -> Option<Mount> {
    let mut found: Option<Mount> = None;
    for mount in table.lines().filter_map(parse_line) {
        let longest = found
            .as_ref()
            .is_none_or(|known| mount.at.components().count() >= known.at.components().count());
        if path.starts_with(&mount.at) && longest {
            found = Some(mount);
        }
    }
    found
}

/// One line: `36 35 98:0 /root /mount/point options [optional fields] - type source options`.
fn parse_line(line: &str) -> Option<Mount> {
    // The number of optional fields varies, also zero; a lone hyphen ends them.
    let (before, after) = line.split_once(" - ")?;
    let at = before.split(' ').nth(4)?;
    let kind = after.split(' ').next().filter(|kind| !kind.is_empty())?;
    Some(Mount {
        at: PathBuf::from(unescape(at)),
        kind: kind.to_owned(),
    })
}

/// Blank, tab, line feed and backslash are written as a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_network(kind: &str) -> bool {
    let name = kind.strip_prefix("fuse.").unwrap_or(kind);
    NETWORK.contains(&name) || name.starts_with("nfs") || name.starts_with("smb")
}

#[cfg(any(target_os = "linux", test))]
fn does_keep_numbers(kind: &str) -> bool {
    !is_network(kind) && kind != "fuse" && !kind.starts_with("fuse.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw,nosuid - proc proc rw
30 22 0:40 / /mnt/share rw,relatime shared:5 master:2 propagate_from:1 - cifs //server/share rw
31 30 8:2 / /mnt/share/local rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/with\\040blank\\134slash rw - nfs4 server:/x rw
33 22 0:42 / /mnt/far rw - fuse.sshfs host:/far rw
34 22 0:43 / /stacked rw - nfs server:/y rw
35 34 0:44 / /stacked rw - tmpfs tmpfs rw
36 22 0:45 / /deep/-/hyphen rw - 9p share rw
not a line
37 22 0:46 / /broken rw shared:9
";

    #[test]
    fn ok_the_longest_mount_decides() {
        let check = |path: &str, at: &str, kind: &str, network: bool| {
            let mount = mount_of(TABLE, Path::new(path)).unwrap();
            assert_eq!(
                (mount.at.to_str().unwrap(), mount.kind.as_str()),
                (at, kind),
                "{path}"
            );
            assert_eq!(is_network(&mount.kind), network, "{path}");
        };
        check("/", "/", "ext4", false);
        check("/var/lib/relay", "/", "ext4", false);
        check("/mnt/share", "/mnt/share", "cifs", true);
        check("/mnt/share/relay", "/mnt/share", "cifs", true);
        check("/mnt/shared", "/", "ext4", false);
        check("/mnt/share/local/relay", "/mnt/share/local", "xfs", false);
        check("/mnt/with blank\\slash/x", "/mnt/with blank\\slash", "nfs4", true);
        check("/mnt/far/me", "/mnt/far", "fuse.sshfs", true);
        check("/stacked/x", "/stacked", "tmpfs", false);
        check("/deep/-/hyphen/x", "/deep/-/hyphen", "9p", true);
        check("/broken/x", "/", "ext4", false);
    }

    #[test]
    fn ok_an_empty_table_knows_nothing() {
        assert_eq!(mount_of("", Path::new("/x")), None);
    }

    #[test]
    fn ok_types() {
        for kind in [
            "nfs",
            "nfs3",
            "nfs4",
            "cifs",
            "smb2",
            "smb3",
            "smbfs",
            "9p",
            "fuse.sshfs",
            "ceph",
            "afs",
            "davfs",
        ] {
            assert!(is_network(kind), "{kind}");
        }
        for kind in ["glusterfs", "fuse.glusterfs", "fuse.rclone", "lustre"] {
            assert!(is_network(kind), "{kind}");
        }
        for kind in [
            "ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuseblk", "vfat", "apfs", "f2fs",
        ] {
            assert!(!is_network(kind), "{kind}");
            assert!(does_keep_numbers(kind), "{kind}");
        }
        for kind in [
            "9p",
            "cifs",
            "virtiofs",
            "fuse",
            "fuse.fuse-overlayfs",
            "fuse.sshfs",
        ] {
            assert!(!does_keep_numbers(kind), "{kind}");
        }
    }

    #[test]
    fn ok_escapes() {
        let check = |text: &str, expect: &str| assert_eq!(unescape(text), expect);
        check("/plain", "/plain");
        check("/a\\040b", "/a b");
        check("\\011\\012\\134", "\t\n\\");
        check("/end\\", "/end\\");
        check("/end\\04", "/end\\04");
        check("/no\\999", "/no\\999");
        check("/\\303\\244", "/ä");
    }
}
