//! The table of floors in CONTRIBUTING.

use std::collections::{BTreeMap, BTreeSet};

/// A module of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) floor: u32,
    /// The folders in it, as `keeper` or `producer/spool`.
    pub(crate) rooms: BTreeSet<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) modules: BTreeMap<String, Row>,
}

impl Table {
    /// Reads the rows that begin with the number of a floor: floor, modules,
    /// what they are for. Modules stand in backticks, and so do the folders in
    /// them, with a slash behind.
    pub(crate) fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, floor, modules, purpose, ..] = cells.as_slice() else {
                continue;
            };
            let Ok(floor) = floor.parse() else {
                continue;
            };
            let rooms: BTreeSet<String> = quoted(purpose)
                .filter_map(|name| name.strip_suffix('/'))
                .map(str::to_owned)
                .collect();
            for module in quoted(modules) {
                let rooms = rooms.clone();
                let before = table
                    .modules
                    .insert(module.to_owned(), Row { floor, rooms });
                assert!(before.is_none(), "`{module}` stands twice in the table");
            }
        }
        table
    }
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
