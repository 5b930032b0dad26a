//! The files of a crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The text of each file, by its path from `src`, with `/` between its parts.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Every Rust file below `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let mut sources = Self::default();
        sources.read_folder(src, "");
        sources
    }

    /// A made-up crate.
    pub(crate) fn made_up(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self(files.iter().map(owned).collect())
    }

    fn read_folder(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                self.read_folder(&path, &format!("{prefix}{name}/"));
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                self.0.insert(format!("{prefix}{name}"), text);
            }
        }
    }

    pub(crate) fn text(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(String::as_str)
    }
}
