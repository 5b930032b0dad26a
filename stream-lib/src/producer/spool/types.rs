//! The types of the messages, in a file beside the database: a life that has only the
//! messages must store those with sensitive fields before it sends any.

use std::fs;
use std::io;

use super::directory::Directory;
use crate::message::schema::SchemaText;

/// The most types to keep; programs have a few.
const MOST: usize = 100;

/// The types in the file, the oldest first. Lines that are none are left out.
pub(super) fn read(directory: &Directory) -> io::Result<Vec<SchemaText>> {
    match fs::read_to_string(directory.types()) {
        Ok(lines) => Ok(lines.lines().filter_map(SchemaText::read).collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Adds types to the file, unless it has them. It is on disk then.
pub(super) fn keep(directory: &Directory, types: &[SchemaText]) -> io::Result<()> {
    // A file that can't be read is replaced.
    let mut all = read(directory).unwrap_or_default();
    let known = all.len();
    for text in types {
        if !all.contains(text) {
            all.push(text.clone());
        }
    }
    if all.len() == known {
        return Ok(());
    }
    let oldest = all.len().saturating_sub(MOST);
    let lines = all.drain(oldest..).map(|text| text.body + "\n");
    let contents: String = lines.collect();
    directory.write(
        &directory.types(),
        &directory.fresh_types(),
        contents.as_bytes(),
    )
}

/// Removes the file.
pub(super) fn forget(directory: &Directory) -> io::Result<()> {
    match fs::remove_file(directory.types()) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
