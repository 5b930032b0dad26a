//! `results.json`: flat keys, numbers, and the commit.

use serde_json::{Map, Value, json};

use super::figure::Figure;
use crate::Result;
use crate::rig::Plan;

/// A figure that was not measured has no key.
pub(super) fn render(
    commit: &str,
    plan: Plan,
    figures: &[Figure],
    rates: &[(&'static str, [f64; 3])],
) -> Result<String> {
    let mut all = Map::new();
    all.insert("commit".to_owned(), json!(commit));
    all.insert("rounds".to_owned(), json!(plan.rounds));
    all.insert("entries_per_round".to_owned(), json!(plan.bulk));
    for (name, [_, median, _]) in rates {
        all.insert((*name).to_owned(), rounded(*median));
    }
    for figure in figures {
        if let Ok([_, median, _]) = figure.value {
            all.insert(figure.key.to_owned(), rounded(median));
        }
    }
    let mut text = serde_json::to_string_pretty(&Value::Object(all))?;
    text.push('\n');
    Ok(text)
}

fn rounded(value: f64) -> Value {
    json!((value * 1e4).round() / 1e4)
}
