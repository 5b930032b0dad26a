//! The modules of a crate.

use std::collections::BTreeMap;

use crate::sources::Sources;
use crate::syntax::{Child, Contents};

/// The names from the crate's root to a module; empty for the root itself.
pub(crate) type ModulePath = Vec<String>;

#[derive(Debug)]
pub(crate) struct Module {
    /// From `src` on.
    pub(crate) file: String,
    pub(crate) contents: Contents,
}

#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) modules: BTreeMap<ModulePath, Module>,
}

impl Tree {
    pub(crate) fn parse(sources: &Sources) -> Self {
        let mut tree = Self::default();
        let contents = Contents::parse("lib.rs", sources.text("lib.rs").unwrap());
        tree.add(sources, Vec::new(), "lib.rs".to_owned(), contents);
        tree
    }

    fn add(&mut self, sources: &Sources, at: ModulePath, file: String, mut contents: Contents) {
        for child in &mut contents.children {
            let mut path = at.clone();
            path.push(child.name.clone());
            if let Some(inline) = child.inline.take() {
                self.add(sources, path, file.clone(), inline);
                continue;
            }
            let (file, text) = candidates(&file, child)
                .into_iter()
                .find_map(|file| Some((file.clone(), sources.text(&file)?)))
                .unwrap_or_else(|| panic!("{file}: no file for `mod {}`", child.name));
            let contents = Contents::parse(&file, text);
            self.add(sources, path, file, contents);
        }
        self.modules.insert(at, Module { file, contents });
    }

    /// The module whose file a module lies in: itself, or one around it.
    pub(crate) fn file_module(&self, path: &[String]) -> ModulePath {
        let file = self.modules.get(path).map(|module| &module.file);
        (0..path.len())
            .map(|end| path[..end].to_vec())
            .find(|outer| self.modules.get(outer).map(|module| &module.file) == file)
            .unwrap_or_else(|| path.to_vec())
    }
}

/// Where the file of a child may lie.
fn candidates(parent: &str, child: &Child) -> Vec<String> {
    let folder = parent.rfind('/').map_or("", |end| &parent[..=end]);
    if let Some(path) = &child.path {
        return vec![format!("{folder}{path}")];
    }
    let name = &child.name;
    let own = match parent.strip_suffix(".rs") {
        Some(stem) if !stem.ends_with("mod") && parent != "lib.rs" => format!("{stem}/"),
        _ => folder.to_owned(),
    };
    vec![format!("{own}{name}.rs"), format!("{own}{name}/mod.rs")]
}
