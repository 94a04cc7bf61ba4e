//! The embedded durable journal of the relay: [`SqliteJournal`] implements [`relay_core::journal::Journal`] over one
//! SQLite file, with one thread that writes, group commit, and readers beside it.
//!
//! - [`SqliteJournal::open`] makes this process the owner; [`OpenOptions`] says how, [`OpenError`] why not.
//! - [`SqliteReader`] reads beside an owner.
//! - [`Health`] says how the file is after an unclean stop.
//!
//! What is not here: any decision about events and dispatches. Those are the verbs of
//! [`relay_core::journal::verbs`]; this crate gives them rows, a transaction, and a disk that has them.
//!
//! The file system must be local: SMB, NFS and the like are refused on Linux, where the kind of a mount can be read. On
//! other systems nothing is checked, and the rule is the same.

mod admin;
mod beside;
mod check;
mod connection;
mod copies;
mod error;
mod files;
mod inode;
mod journal;
mod lock;
mod mount;
mod options;
mod reader;
mod rows;
mod schema;
mod writer;

pub use check::Health;
pub use error::OpenError;
pub use journal::SqliteJournal;
pub use options::OpenOptions;
pub use reader::SqliteReader;

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
