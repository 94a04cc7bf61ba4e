//! Files that a person names; `-` is standard input.

use std::io::{Read, Result};
use std::path::Path;

/// The bytes of a file, or of standard input.
///
/// # Errors
/// It could not be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut body = Vec::new();
    std::io::stdin().read_to_end(&mut body)?;
    Ok(body)
}
