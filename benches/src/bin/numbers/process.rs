//! **Here**: programs started for a measurement: their address, their processor time and memory, their end.
//! **Not here**: what is asked of them (`load`).
//! **Reads**: `/proc` of Linux, which is where the figures are.
//! **Source**: proc(5): `stat` counts ticks of a hundredth of a second over all threads, `status` has the largest resident size.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A program that this process started. It ends with this value.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it and waits for its line `listening on http://ADDRESS`. What it logs is thrown away.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{:?}: {error}", command.get_program()));
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its line");
        let address = line.trim().strip_prefix("listening on http://");
        let address =
            address.unwrap_or_else(|| panic!("{:?} does not listen: {line}", command.get_program()));
        Self {
            address: address.parse().expect("an address"),
            child,
        }
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Seconds of processor time so far, of all threads and of children that were waited for.
    pub(crate) fn cpu_s(&self) -> f64 {
        cpu_s(self.child.id())
    }

    /// The largest resident size so far, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        peak_mib(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process that this value started, and no other.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cpu_s(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    // The second field is a name in brackets, which may hold spaces.
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    let ticks = rest.split_whitespace().skip(11).take(4);
    ticks
        .map(|ticks| ticks.parse::<f64>().expect("ticks"))
        .sum::<f64>()
        / 100.0
}

/// The largest resident size of a process so far, in MiB.
pub(crate) fn peak_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("its size");
    let kib = line.trim().trim_end_matches(" kB");
    kib.parse::<f64>().expect("a size") / 1024.0
}

/// The example of this name as an operator has it: of the profile `dist`, whose folder is beside that of this program's profile.
pub(crate) fn built(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let target = own.ancestors().nth(2).expect("the folder of all profiles");
    let found = target.join("dist/examples").join(name);
    assert!(
        found.is_file(),
        "{name} is not built; `just numbers-server` builds it"
    );
    found
}

/// The real server over a new journal in this folder: no bound on the rate but so many requests at once, one route to the stand-in.
pub(crate) fn host_server(folder: &Path, github: SocketAddr, max_in_flight: usize) -> Program {
    let config = folder.join("relay.toml");
    let journal = folder.join("relay.db");
    let text = format!(
        "[webhook]\nsecret_env = [\"RELAY_SECRET\"]\n[journal]\npath = {journal:?}\n\
         [github]\napi_root = \"http://{github}\"\ntoken_env = \"RELAY_TOKEN\"\n\
         [budget]\nmin_interval_ms = 0\nper_minute = 0\nper_hour = 0\nmax_in_flight = {max_in_flight}\n\
         [[route]]\nname = \"deploy\"\nrepository = {:?}\n",
        crate::standin::REPOSITORY
    );
    std::fs::write(&config, text).expect("a configuration");
    let mut command = Command::new(built("host_server"));
    command
        .arg("--config")
        .arg(&config)
        .args(["--listen", "127.0.0.1:0"])
        .env_clear();
    command
        .env("RELAY_SECRET", crate::load::SECRET)
        .env("RELAY_TOKEN", crate::standin::TOKEN);
    Program::start(&mut command)
}
