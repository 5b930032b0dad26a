//! How fast the library is, against what the server can do, what a careful user
//! would write, and a peer: `make bench`.
//!
//! One private server without persistence; every round runs each probe once, in
//! turn, so that whatever else the machine does hits all alike; each figure is
//! the median over the rounds, ratios taken within a round. `ROUNDS=n` sets how
//! many (5), `QUICK=1` makes a short trial, `ONLY=words` runs the probes whose
//! names have one of the words between commas.

#![allow(
    clippy::cast_precision_loss,
    reason = "counts here are far below 2^52, and only rates are made of them"
)]

mod baseline;
mod counting;
mod instructions;
mod load;
mod message;
mod ours;
mod report;
mod rig;
mod rounds;

use std::error::Error;
use std::{env, result};

type Result<T> = result::Result<T, Box<dyn Error + Send + Sync>>;

/// What one measurement found: names and numbers.
type Readings = Vec<(&'static str, f64)>;

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words {
        // The parts that need a process of their own.
        ["consume", url, stream, group, count] => {
            ours::backlog::consume_here(url, stream, group, count.parse()?)
        }
        ["instructions", what, count] => instructions::run_here(what, count.parse()?),
        _ => report::all(&rounds::run()?),
    }
}
