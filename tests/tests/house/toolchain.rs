//! The `rust-version` of the published crates suffices for their dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Major and minor.
type Version = (u64, u64);

/// The packages of `Cargo.lock`, with every feature on.
struct Lock {
    packages: BTreeMap<String, Value>,
    needs: BTreeMap<String, Vec<String>>,
}

impl Lock {
    fn read() -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .current_dir(crate::root())
            .args(["metadata", "--locked", "--all-features"])
            .args(["--format-version", "1", "--filter-platform", &host()])
            .output()
            .unwrap();
        let problems = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{problems}");
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let packages = list(&metadata["packages"]).map(|p| (text(&p["id"]), p.clone()));
        let nodes = list(&metadata["resolve"]["nodes"]);
        let needs = nodes.map(|node| (text(&node["id"]), linked(node)));
        Self {
            packages: packages.collect(),
            needs: needs.collect(),
        }
    }

    /// The package of this name that is a member of the workspace.
    fn member(&self, name: &str) -> (&String, &Value) {
        self.packages
            .iter()
            .find(|(_, package)| package["name"] == name && package["source"].is_null())
            .unwrap()
    }

    /// What is built for a package, without the dependencies of these names.
    fn closure(&self, id: &str, without: &BTreeSet<String>) -> BTreeSet<&str> {
        let is_built = |id: &&str| !without.contains(&text(&self.packages[*id]["name"]));
        let mut seen = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let (id, needed) = self.needs.get_key_value(id).unwrap();
            if seen.insert(id.as_str()) {
                open.extend(needed.iter().map(String::as_str).filter(is_built));
            }
        }
        seen
    }

    /// Those among `ids` that need a newer Rust than this.
    fn newer_than(&self, most: Version, ids: &BTreeSet<&str>) -> Vec<String> {
        let packages = ids.iter().map(|id| &self.packages[*id]);
        packages
            .filter(|package| needed_by(package) > most)
            .map(|p| {
                let (name, version) = (text(&p["name"]), text(&p["version"]));
                format!("{name} {version} needs {}", text(&p["rust_version"]))
            })
            .collect()
    }
}

#[test]
fn no_dependency_needs_a_newer_rust_than_its_crate_says() {
    let lock = Lock::read();
    for name in ["stream-lib", "stream-derive"] {
        let (id, package) = lock.member(name);
        let mut own = needed_by(package);
        assert!(own >= (1, 85), "edition 2024 came with 1.85");
        // The features that ask for more, and what they bring.
        let more = package["metadata"]["rust-version"].as_object();
        let brought = more.into_iter().flatten().flat_map(|(feature, _)| {
            list(&package["features"][feature]).filter_map(|item| {
                let name = item.as_str()?.strip_prefix("dep:")?;
                Some(name.to_owned())
            })
        });
        let without = brought.collect();
        let newer = lock.newer_than(own, &lock.closure(id, &without));
        assert!(newer.is_empty(), "{name} says {own:?}, but {newer:#?}");
        for (feature, version) in more.into_iter().flatten() {
            let version = parse(version.as_str().unwrap());
            assert!(
                version > own,
                "`{feature}` of {name} needs no word of its own"
            );
            own = version;
        }
        let newer = lock.newer_than(own, &lock.closure(id, &BTreeSet::new()));
        assert!(newer.is_empty(), "{name} says {own:?}, but {newer:#?}");
    }
}

/// What a package builds into its users, tests left out.
fn linked(node: &Value) -> Vec<String> {
    list(&node["deps"])
        .filter(|needed| list(&needed["dep_kinds"]).any(|kind| kind["kind"] != "dev"))
        .map(|needed| text(&needed["pkg"]))
        .collect()
}

fn needed_by(package: &Value) -> Version {
    package["rust_version"].as_str().map_or((0, 0), parse)
}

fn parse(version: &str) -> Version {
    let mut parts = version.split('.').map(|part| part.parse().unwrap());
    (parts.next().unwrap(), parts.next().unwrap_or(0))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The platform of this machine, for which everything has been downloaded.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.unwrap().to_owned()
}
