//! The house of `stream-lib`, as in CONTRIBUTING: imports go down, and never in a circle.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod circle;
mod made_up;
mod resolve;
mod rules;
mod sources;
mod syntax;
mod table;
mod toolchain;
mod tree;

use std::path::Path;

use self::sources::Sources;
use self::table::Table;
use self::tree::Tree;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[test]
fn imports_go_down_and_the_table_is_true() {
    let sources = Sources::read(&root().join("stream-lib/src"));
    let contributing = std::fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let table = Table::parse(&contributing);
    let faults = rules::check(&Tree::parse(&sources), &table);
    assert!(
        faults.is_empty(),
        "{} faults in stream-lib/src:\n\n{}\n",
        faults.len(),
        faults.join("\n")
    );
}
