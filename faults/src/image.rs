//! **Here**: [`Image`], one file as the program sees it and as the disk has it, and what of it survives a power cut.
//! **Not here**: which file it is (`disk`), SQLite (`vfs`).
//! **Reads**: nothing before it; `disk` keeps one for each file.
//! **Source**: <https://www.sqlite.org/atomiccommit.html> section 3 and <https://www.sqlite.org/psow.html>, read 2026-11-27: a disk writes
//! sectors, in any order until it is synced, and a sector may be written in part.

/// A disk writes this much at once, or a part of it.
const SECTOR: usize = 512;

/// Pseudo-random numbers: reproducible, and good enough to choose what survives.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The row of numbers that begins here.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// A number below `n`; 0 for 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let n = if n == 0 { 1 } else { n };
        (self.0 >> 33) % n
    }

    /// True one time in `n`.
    pub const fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A place in something of this length; 0 for an empty one.
    #[must_use]
    pub fn index(&mut self, length: usize) -> usize {
        let n = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(n)).unwrap_or(0)
    }
}

/// What was done to a file and not synced yet.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Delete,
    Create,
}

/// What the disk does with changes that were not synced when the power goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the kinds of a power cut, each of them a test"
)]
pub enum Survival {
    /// None of them reached it: the most forgetful disk.
    Nothing,
    /// All of them up to some moment did, and the last one in part.
    Prefix,
    /// Any sectors of any of them did, and where two overlap the later one need not win; a sector may be half written, or filled with
    /// something else.
    Anything,
    /// All of them did: the power was cut, and nothing was lost.
    Everything,
}

/// A file: what is surely on the disk, and what is not synced.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Whether its name is on the disk.
    named: bool,
    /// As the last sync left it.
    durable: Vec<u8>,
    pending: Vec<Change>,
}

impl Image {
    /// A file that is there, and all of it on the disk.
    #[must_use]
    pub const fn of(bytes: Vec<u8>) -> Self {
        Self {
            named: true,
            durable: bytes,
            pending: Vec::new(),
        }
    }

    /// Created, as far as the program sees.
    pub fn create(&mut self) {
        self.pending.push(Change::Create);
    }

    /// Written at this place.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        self.pending.push(Change::Write(at, bytes.to_vec()));
    }

    /// Cut, or made longer, to this length.
    pub fn truncate(&mut self, length: usize) {
        self.pending.push(Change::Truncate(length));
    }

    /// Deleted, as far as the program sees; with `synced` the folder was synced too.
    pub fn delete(&mut self, synced: bool) {
        if synced {
            *self = Self::default();
        } else {
            self.pending.push(Change::Delete);
        }
    }

    /// Synced: its content is on the disk. Its name is only where the folder was synced too.
    pub fn sync(&mut self) {
        self.settle(|change| !change.is_of_name());
    }

    /// The names of the folder are on the disk: this file is there, or is not, as the program sees it.
    pub fn sync_name(&mut self) {
        self.settle(Change::is_of_name);
    }

    /// A sync failed, and the system forgets what it could not write, as Linux does: a later sync says yes and does not write it.
    pub fn lose(&mut self) {
        // What concerns the name is the folder's.
        self.pending.retain(Change::is_of_name);
    }

    /// What is left of it when the power goes. None: no such file.
    #[must_use]
    pub fn survive(&self, survival: Survival, dice: &mut Dice) -> Option<Vec<u8>> {
        let changes: Vec<Change> = match survival {
            Survival::Nothing => Vec::new(),
            Survival::Everything => self.pending.clone(),
            Survival::Prefix => {
                let n = dice.index(self.pending.len() + 1);
                let mut first: Vec<Change> = self.pending.iter().take(n).cloned().collect();
                if let Some(Change::Write(_, bytes)) = first.last_mut() {
                    bytes.truncate(dice.index(bytes.len() + 1));
                }
                first
            }
            Survival::Anything => anything(&self.pending, dice),
        };
        let mut left = self.clone();
        for change in &changes {
            left.apply(change);
        }
        left.named.then_some(left.durable)
    }

    fn settle(&mut self, which: impl Fn(&Change) -> bool) {
        let mut rest = Vec::new();
        for change in std::mem::take(&mut self.pending) {
            if which(&change) {
                self.apply(&change);
            } else {
                rest.push(change);
            }
        }
        self.pending = rest;
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create => self.named = true,
            Change::Delete => {
                self.named = false;
                self.durable.clear();
            }
            Change::Truncate(length) => self.durable.resize(*length, 0),
            Change::Write(at, new) => {
                let end = at + new.len();
                if self.durable.len() < end {
                    self.durable.resize(end, 0);
                }
                if let Some(place) = self.durable.get_mut(*at..end) {
                    place.copy_from_slice(new);
                }
            }
        }
    }
}

impl Change {
    const fn is_of_name(&self) -> bool {
        matches!(self, Self::Create | Self::Delete)
    }
}

/// Any sectors of any writes. A name that was made or removed may have been or not, but in order: file systems keep a journal of those.
fn anything(pending: &[Change], dice: &mut Dice) -> Vec<Change> {
    let n_names = pending.iter().filter(|change| change.is_of_name()).count();
    let mut names_left = dice.index(n_names + 1);
    let mut left = Vec::new();
    for change in pending {
        match change {
            Change::Write(at, bytes) => {
                let mut place = *at;
                for sector in bytes.chunks(SECTOR) {
                    match dice.below(8) {
                        0..4 => left.push(Change::Write(place, sector.to_vec())),
                        4 => {
                            let half = dice.index(sector.len());
                            left.push(Change::Write(place, sector.iter().take(half).copied().collect()));
                        }
                        5 => left.push(Change::Write(place, vec![0xA5; sector.len()])),
                        _ => {}
                    }
                    place += sector.len();
                }
            }
            Change::Truncate(_) => {
                if dice.one_in(2) {
                    left.push(change.clone());
                }
            }
            Change::Create | Change::Delete => {
                // What came after belongs to another file, which never got this name.
                if names_left == 0 {
                    break;
                }
                names_left -= 1;
                left.push(change.clone());
            }
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image {
        let mut image = Image::of(vec![1; 4]);
        image.write(2, &[2, 2, 2, 2]);
        image.truncate(5);
        image
    }

    #[test]
    fn ok_what_was_not_synced_may_be_gone() {
        let dice = &mut Dice::new(1);
        assert_eq!(image().survive(Survival::Nothing, dice), Some(vec![1; 4]));
        assert_eq!(
            image().survive(Survival::Everything, dice),
            Some(vec![1, 1, 2, 2, 2])
        );
        let mut synced = image();
        synced.sync();
        assert_eq!(synced.survive(Survival::Nothing, dice), Some(vec![1, 1, 2, 2, 2]));
    }

    #[test]
    fn ok_a_failed_sync_loses_for_good() {
        let mut image = image();
        image.lose();
        image.write(0, &[9]);
        image.sync();
        assert_eq!(
            image.survive(Survival::Everything, &mut Dice::new(1)),
            Some(vec![9, 1, 1, 1])
        );
    }

    #[test]
    fn ok_a_name_is_synced_with_its_folder() {
        let dice = &mut Dice::new(1);
        let mut image = Image::default();
        image.create();
        image.write(0, &[7]);
        assert_eq!(image.survive(Survival::Nothing, dice), None);
        image.sync();
        assert_eq!(image.survive(Survival::Nothing, dice), None);
        image.sync_name();
        assert_eq!(image.survive(Survival::Nothing, dice), Some(vec![7]));
        image.delete(false);
        assert_eq!(image.survive(Survival::Nothing, dice), Some(vec![7]));
        assert_eq!(image.survive(Survival::Everything, dice), None);
        image.delete(true);
        assert_eq!(image.survive(Survival::Everything, dice), None);
    }

    #[test]
    fn ok_parts_differ_from_seed_to_seed() {
        let mut image = Image::of(Vec::new());
        for n in 0..4_u8 {
            image.write(usize::from(n) * 4_096, &vec![n; 4_096]);
        }
        for survival in [Survival::Prefix, Survival::Anything] {
            let mut found: Vec<_> = (0..20)
                .map(|seed| image.survive(survival, &mut Dice::new(seed)))
                .collect();
            found.sort();
            found.dedup();
            assert!(found.len() > 4, "{survival:?}: {}", found.len());
        }
    }
}
