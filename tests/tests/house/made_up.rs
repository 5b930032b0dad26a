//! The rules, each broken once in a made-up house.

use crate::rules::check;
use crate::sources::Sources;
use crate::table::Table;
use crate::tree::Tree;

const TABLE: &str = "
| Floor | Module | For |
|---|---|---|
| 4 | `lib`, `hidden` | |
| 3 | `shop` | `desk/`, `till/`: where it is sold |
| 3 | `yard` | |
| 2 | `words` | |
| 1 | `error` | |
";

/// A house in order: every kind of import there is.
const HOUSE: [(&str, &str); 11] = [
    (
        "lib.rs",
        "mod error; mod shop; mod words; mod yard;
         #[path = \"hidden.rs\"] pub mod __hidden;
         pub use crate::error::Error; pub use shop::Till;",
    ),
    ("hidden.rs", "use crate::shop::till::Till as Other;"),
    ("error.rs", "pub struct Error; pub enum Kind { A }"),
    (
        "words.rs",
        "use std::fmt::Debug; use crate::Error; use crate::error::Kind::{self, A};
         pub const WORD: &str = \"\"; pub struct Word(Error);
         mod inner { use super::Word; }
         #[cfg(test)] mod tests { use super::*; use crate::shop::Till; }",
    ),
    (
        "shop/mod.rs",
        "mod desk; pub(crate) mod till; mod prices;
         pub use self::till::Till; pub(crate) use desk::{Bell, lamp as light};",
    ),
    (
        "shop/till/mod.rs",
        "mod coin; pub use self::coin::Coin; pub struct Till;
         fn f() { let _ = crate::words::WORD; }",
    ),
    (
        "shop/till/coin.rs",
        "use super::super::prices::Price; pub struct Coin(Price); fn f() { drop(1); }",
    ),
    (
        "shop/desk/mod.rs",
        "mod bell; mod lamp; pub use bell::Bell; pub use lamp::lamp;
         use crate::shop::Till;",
    ),
    ("shop/desk/bell.rs", "pub struct Bell;"),
    ("shop/desk/lamp.rs", "pub fn lamp() {}"),
    ("shop/prices.rs", "pub struct Price;"),
];

/// The faults of the house where more code stands in one file, and in the yard
/// nothing but `yard`.
fn faults_of(file: &str, code: &str) -> Vec<String> {
    let mut files = HOUSE.to_vec();
    files.push(("yard.rs", ""));
    let place = files.iter_mut().find(|(name, _)| *name == file).unwrap();
    let text = format!("{code}\n{}", place.1);
    place.1 = &text;
    check(
        &Tree::parse(&Sources::made_up(&files)),
        &Table::parse(TABLE),
    )
}

#[track_caller]
fn only_fault(file: &str, code: &str) -> String {
    let mut faults = faults_of(file, code);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}

#[test]
fn a_house_in_order_has_no_faults() {
    assert_eq!(faults_of("yard.rs", "use crate::words;"), [""; 0]);
}

#[test]
fn a_floor_imports_from_below_only() {
    let up = only_fault("words.rs", "use crate::{error, shop::till::Coin as C};");
    assert!(up.starts_with("words.rs:1: "), "{up}");
}

#[test]
fn a_re_export_is_followed_home() {
    // By way of the root, by way of a module that renames, and without `use`.
    for code in [
        "use crate::Till;",
        "use crate::shop::light;",
        "fn f() { let _ = crate::shop::Bell; }",
        "fn f() { println!(\"{}\", crate::shop::light()); }",
        "macro_rules! m { () => { $crate::shop::Till } }",
        "use stream_lib::Till;",
        "use crate::shop; fn f() { shop::light() }",
    ] {
        let faults = faults_of("words.rs", code);
        assert!(faults.iter().all(|f| f.contains("goes up")), "{faults:#?}");
        assert!(!faults.is_empty(), "{code}");
    }
    let home = only_fault("words.rs", "use crate::shop::light;");
    assert!(home.contains("`shop` on floor 3"), "{home}");
}

#[test]
fn siblings_on_a_floor_do_not_import_each_other() {
    let fault = only_fault("yard.rs", "use crate::shop::Till;");
    assert!(
        fault.contains("yard.rs:1: `use crate::shop::Till`"),
        "{fault}"
    );
    assert!(fault.contains("share floor 3"), "{fault}");
}

#[test]
fn a_child_imports_nothing_that_a_module_around_it_defines() {
    for (file, code) in [
        ("shop/till/coin.rs", "use super::Till;"),
        ("shop/till/coin.rs", "use crate::shop::Till;"),
        ("shop/prices.rs", "fn f() -> super::Open {} "),
    ] {
        let mut files = HOUSE.to_vec();
        files.push(("yard.rs", ""));
        let shop = format!("struct Open; {}", HOUSE[4].1);
        files[4].1 = &shop;
        let place = files.iter_mut().find(|(name, _)| *name == file).unwrap();
        let text = format!("{code}\n{}", place.1);
        place.1 = &text;
        let faults = check(
            &Tree::parse(&Sources::made_up(&files)),
            &Table::parse(TABLE),
        );
        assert_eq!(faults.len(), 1, "{faults:#?}");
        assert!(faults[0].starts_with(&format!("{file}:1: ")), "{faults:#?}");
        assert!(faults[0].contains("goes up inside a folder"), "{faults:#?}");
    }
    // What lies beside the file is no arrow up, though it is named by the folder.
    assert_eq!(faults_of("shop/desk/lamp.rs", "use super::Bell;"), [""; 0]);
}

#[test]
fn files_and_folders_of_a_folder_stand_in_no_circle() {
    let fault = only_fault("shop/till/coin.rs", "use crate::shop::Bell;");
    assert!(fault.starts_with("shop: a circle:"), "{fault}");
    for step in [
        "desk → till: shop/desk/mod.rs:2: `use crate::shop::Till`",
        "till → desk: shop/till/coin.rs:1: `use crate::shop::Bell`",
    ] {
        assert!(fault.contains(step), "{fault}");
    }
}

#[test]
fn what_cannot_be_followed_is_a_fault() {
    let lost = only_fault("yard.rs", "use crate::words::Missing;");
    assert!(lost.contains("leads to nothing"), "{lost}");
    let glob = only_fault("yard.rs", "use crate::words::*;");
    assert!(glob.contains("hides"), "{glob}");
}

#[test]
fn the_table_names_each_module_and_each_folder() {
    let tree = Tree::parse(&Sources::made_up(&[
        ("lib.rs", "mod shop; mod words;"),
        ("shop/mod.rs", "mod desk;"),
        ("shop/desk/mod.rs", ""),
        ("words.rs", ""),
    ]));
    let table = "| 3 | `lib` | |\n| 2 | `shop` | `till/` |\n| 1 | `error` | |";
    assert_eq!(
        check(&tree, &Table::parse(table)),
        [
            "CONTRIBUTING: there is no module `error`",
            "CONTRIBUTING: `shop` has no folder `till/`",
            "CONTRIBUTING: the folder `desk/` of `shop` is missing",
            "CONTRIBUTING: the module `words` is missing",
        ]
    );
}

#[test]
fn reserved_names_stand_in_one_file() {
    let fault = only_fault(
        "yard.rs",
        "const A: &[u8] = b\"~x\"; const B: &str = \"~\";",
    );
    assert!(fault.starts_with("yard.rs:1: `~x`"), "{fault}");
}
