//! Resolves a path in the code to the module that defines its item, following re-exports.

use crate::syntax::Import;
use crate::tree::{ModulePath, Tree};

/// Where an import leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// An item that this module defines.
    Item(ModulePath),
    /// The module itself.
    Module(ModulePath),
}

impl Target {
    pub(crate) fn module(&self) -> &ModulePath {
        match self {
            Self::Item(module) | Self::Module(module) => module,
        }
    }
}

/// What a path turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// One target, or one in each namespace.
    Here(Vec<Target>),
    /// Something of another crate, or a name that only a body knows.
    Elsewhere,
    /// It should be in this crate, and isn't.
    Lost,
}

/// How many re-exports lead from one to the next at most.
const LONGEST_WAY: usize = 20;

impl Tree {
    pub(crate) fn resolve(&self, from: &[String], path: &[String]) -> Found {
        self.follow(from, path, LONGEST_WAY)
    }

    fn follow(&self, from: &[String], path: &[String], steps: usize) -> Found {
        let (Some(steps), Some((first, rest))) = (steps.checked_sub(1), path.split_first()) else {
            return Found::Lost;
        };
        match first.as_str() {
            "crate" | "stream_lib" => self.descend(Vec::new(), rest, steps),
            "self" => self.descend(from.to_vec(), rest, steps),
            "super" => match from.split_last() {
                Some((_, outer)) if rest.first().is_some_and(|next| next == "super") => {
                    self.follow(outer, rest, steps)
                }
                Some((_, outer)) => self.descend(outer.to_vec(), rest, steps),
                None => Found::Lost,
            },
            _ => match self.descend(from.to_vec(), path, steps) {
                Found::Lost => Found::Elsewhere,
                found => found,
            },
        }
    }

    /// Looks for `path` inside of a module.
    fn descend(&self, at: ModulePath, path: &[String], steps: usize) -> Found {
        let Some((name, rest)) = path.split_first() else {
            return Found::Here(vec![Target::Module(at)]);
        };
        let found = self.lookup(&at, name, steps);
        let Found::Here(targets) = found else {
            return found;
        };
        if rest.is_empty() {
            return Found::Here(targets);
        }
        let module = targets.iter().find_map(|target| match target {
            Target::Module(module) => Some(module.clone()),
            Target::Item(_) => None,
        });
        match module {
            Some(module) => self.descend(module, rest, steps),
            // What follows is an associated item, or a variant.
            None => Found::Here(targets),
        }
    }

    /// Everything that has this name in a module.
    fn lookup(&self, at: &ModulePath, name: &str, steps: usize) -> Found {
        let Some(module) = self.modules.get(at) else {
            return Found::Lost;
        };
        let mut targets = Vec::new();
        if module.contents.defined.contains(name) {
            targets.push(Target::Item(at.clone()));
        }
        let mut child = at.clone();
        child.push(name.to_owned());
        if self.modules.contains_key(&child) {
            targets.push(Target::Module(child));
        }
        let mut is_foreign = false;
        for import in &module.contents.imports {
            match self.through(at, import, name, steps) {
                Some(Found::Here(more)) => targets.extend(more),
                Some(Found::Elsewhere) => is_foreign = true,
                Some(Found::Lost) | None => {}
            }
        }
        targets.sort();
        targets.dedup();
        if !targets.is_empty() {
            Found::Here(targets)
        } else if is_foreign {
            Found::Elsewhere
        } else {
            Found::Lost
        }
    }

    /// What an import makes of a name, if it is about that name at all.
    fn through(&self, at: &[String], import: &Import, name: &str, steps: usize) -> Option<Found> {
        let path = &import.mention.path;
        if import.name.as_deref() == Some(name) {
            // `use redis;` and its like would look for itself.
            let is_itself = path.len() == 1;
            return Some(if is_itself {
                Found::Elsewhere
            } else {
                self.follow(at, path, steps)
            });
        }
        if !import.is_glob {
            return None;
        }
        let mut path = path.clone();
        path.push(name.to_owned());
        match self.follow(at, &path, steps) {
            // What a foreign glob brings nobody knows.
            Found::Elsewhere => None,
            found => Some(found),
        }
    }
}
