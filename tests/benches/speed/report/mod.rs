//! The report of a run: a table, `target/bench/results.json` and a chart.

mod chart;
mod figure;
mod json;
mod table;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::rounds::Found;

pub(crate) fn all(found: &Found) -> Result<()> {
    let figures = figure::all(found);
    let rates = figure::rates(found);
    println!("{}", table::render(found, &figures, &rates));

    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tests.with_file_name("target/bench");
    fs::create_dir_all(&folder)?;
    let commit = commit(tests);
    fs::write(
        folder.join("results.json"),
        json::render(&commit, found.plan, &figures, &rates)?,
    )?;
    fs::write(
        folder.join("chart.svg"),
        chart::render(&commit, &found.server, &rates),
    )?;
    println!("written: target/bench/results.json, target/bench/chart.svg");
    Ok(())
}

/// The measured commit, with a mark if there are uncommitted changes.
fn commit(folder: &Path) -> String {
    let git = |words: &[&str]| {
        let output = Command::new("git")
            .args(words)
            .current_dir(folder)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        _ => format!("{commit}+changes"),
    }
}

/// The middle of some numbers.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    let upper = *numbers.get(middle)?;
    if numbers.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *numbers.get(middle - 1)?;
    Some(f64::midpoint(lower, upper))
}
