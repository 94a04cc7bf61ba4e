//! Storage that fails by plan, and the proof of the promise over it.
//!
//! | module | what |
//! | --- | --- |
//! | [`image`] | one file as the program sees it and as the disk has it, and what of it survives a power cut |
//! | [`disk`] | a folder whose storage fails: at which operation, how, and for how long |
//! | `vfs` | the VFS that stands before SQLite's own; the only unsafe code of the workspace |
//! | [`github`] | a destination that keeps count |
//! | [`scenario`] | the real relay over the real journal, through one fault, until everything has its verdict |
//! | [`judge`] | what must hold then |
//! | [`points`] | every place at which a fault can hit a scenario, and the run over them |
//!
//! The shim is the default VFS of the process as soon as there is a [`Disk`](disk::Disk), and does nothing to files outside a disk's
//! folder: the journal under test is opened as any user opens it.
#![cfg(unix)]

pub mod disk;
pub mod github;
pub mod image;
pub mod judge;
pub mod points;
pub mod scenario;
mod vfs;
