//! The rules of the house.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::circle::circles;
use crate::resolve::Found;
use crate::syntax::Mention;
use crate::table::Table;
use crate::tree::{ModulePath, Tree};

/// One file names something that another one defines.
#[derive(Debug)]
struct Arrow {
    from: ModulePath,
    to: ModulePath,
    /// The file, line and path, for people.
    shown: String,
}

/// Everything that breaks a rule, in words.
pub(crate) fn check(tree: &Tree, table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    let arrows = arrows(tree, &mut faults);
    for arrow in &arrows {
        faults.extend(between_floors(tree, table, arrow));
        faults.extend(up_in_a_folder(tree, arrow));
    }
    faults.extend(in_circles(&arrows));
    faults.extend(loose_names(tree));
    faults.extend(false_rows(tree, table));
    faults
}

/// What each file takes from others, once for each pair of files.
fn arrows(tree: &Tree, faults: &mut Vec<String>) -> Vec<Arrow> {
    let mut arrows = BTreeMap::new();
    for (path, module) in &tree.modules {
        let from = tree.file_module(path);
        let shown = |mention: &Mention, word: &str| {
            let path = mention.path.join("::");
            format!("{}:{}: `{word}{path}`", module.file, mention.line)
        };
        let imports = module.contents.imports.iter();
        let imports = imports.map(|import| (&import.mention, "use ", import.is_glob));
        let mentions = module.contents.mentions.iter();
        let mentions = mentions.map(|mention| (mention, "", false));
        for (mention, word, is_glob) in imports.chain(mentions) {
            let targets = match tree.resolve(path, &mention.path) {
                Found::Here(targets) => targets,
                Found::Elsewhere => continue,
                Found::Lost => {
                    let shown = shown(mention, word);
                    faults.push(format!("{shown} leads to nothing that this test finds"));
                    continue;
                }
            };
            if is_glob {
                let shown = shown(mention, word);
                faults.push(format!("{shown}::* hides what is imported: name it"));
            }
            for target in targets {
                let to = tree.file_module(target.module());
                if to != from {
                    arrows
                        .entry((from.clone(), to.clone()))
                        .or_insert_with(|| Arrow {
                            from: from.clone(),
                            to,
                            shown: shown(mention, word),
                        });
                }
            }
        }
    }
    arrows.into_values().collect()
}

/// A module imports from floors below its own only.
fn between_floors(tree: &Tree, table: &Table, arrow: &Arrow) -> Option<String> {
    let (from, to) = (house_of(tree, &arrow.from), house_of(tree, &arrow.to));
    if from == to {
        return None;
    }
    let floor = |name: &String| table.modules.get(name).map(|row| row.floor);
    let (own, other) = (floor(&from)?, floor(&to)?);
    let shown = &arrow.shown;
    match own.cmp(&other) {
        Ordering::Less => Some(format!(
            "{shown} goes up: `{from}` is on floor {own}, `{to}` on floor {other}"
        )),
        Ordering::Equal => Some(format!(
            "{shown} goes to a sibling: `{from}` and `{to}` share floor {own}"
        )),
        Ordering::Greater => None,
    }
}

/// A file imports nothing that a module around it defines.
fn up_in_a_folder(tree: &Tree, arrow: &Arrow) -> Option<String> {
    let is_around = arrow.from.starts_with(&arrow.to);
    let file = &tree.modules.get(&arrow.to)?.file;
    is_around.then(|| {
        format!(
            "{} goes up inside a folder: {file} defines it, and is around this file",
            arrow.shown
        )
    })
}

/// Modules side by side in a folder don't import each other in a circle, with
/// what is below them.
fn in_circles(arrows: &[Arrow]) -> Vec<String> {
    let mut folders: BTreeMap<&[String], BTreeMap<(&str, &str), &Arrow>> = BTreeMap::new();
    for arrow in arrows {
        let pairs = arrow.from.iter().zip(&arrow.to);
        let common = pairs.take_while(|(a, b)| a == b).count();
        if let (Some(from), Some(to)) = (arrow.from.get(common), arrow.to.get(common))
            && common > 0
        {
            let folder = folders.entry(&arrow.from[..common]).or_default();
            folder.entry((from, to)).or_insert(arrow);
        }
    }
    let mut faults = Vec::new();
    for (folder, arrows) in folders {
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in arrows.keys() {
            graph.entry(from).or_default().insert(to);
        }
        for circle in circles(&graph) {
            let next = circle.iter().cycle().skip(1);
            let steps = circle.iter().zip(next).filter_map(|(from, to)| {
                let arrow = arrows.get(&(from.as_str(), to.as_str()))?;
                Some(format!("\n    {from} → {to}: {}", arrow.shown))
            });
            faults.push(format!(
                "{}: a circle:{}",
                folder.join("/"),
                steps.collect::<String>()
            ));
        }
    }
    faults
}

/// Names that belong to the library stand in one file, for Rust and Lua.
fn loose_names(tree: &Tree) -> Vec<String> {
    const LIST: &str = "command/reserved.rs";
    let mut faults = Vec::new();
    for module in tree.modules.values().filter(|module| module.file != LIST) {
        for (text, line) in &module.contents.strings {
            let name = text.strip_prefix('~').unwrap_or_default();
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
                let file = &module.file;
                faults.push(format!("{file}:{line}: `{text}` belongs in {LIST}"));
            }
        }
    }
    faults
}

/// The table names every module and every folder, and no other.
fn false_rows(tree: &Tree, table: &Table) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for module in tree.modules.values() {
        let house = house_of_file(&module.file);
        let rooms = rooms.entry(house).or_default();
        let parts: Vec<&str> = module.file.split('/').collect();
        for end in 2..parts.len() {
            rooms.insert(parts[1..end].join("/"));
        }
    }
    for (module, row) in &table.modules {
        let Some(there) = rooms.get(module) else {
            faults.push(format!("CONTRIBUTING: there is no module `{module}`"));
            continue;
        };
        for room in row.rooms.difference(there) {
            faults.push(format!("CONTRIBUTING: `{module}` has no folder `{room}/`"));
        }
        for room in there.difference(&row.rooms) {
            let text = format!("CONTRIBUTING: the folder `{room}/` of `{module}` is missing");
            faults.push(text);
        }
    }
    for module in rooms.keys() {
        if !table.modules.contains_key(module) {
            faults.push(format!("CONTRIBUTING: the module `{module}` is missing"));
        }
    }
    faults
}

/// The top module that a path belongs to, as its file or folder is called.
fn house_of(tree: &Tree, path: &[String]) -> String {
    let file = tree.modules.get(path).map(|module| module.file.as_str());
    house_of_file(file.unwrap_or_default())
}

fn house_of_file(file: &str) -> String {
    let first = file.split('/').next().unwrap_or_default();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}
