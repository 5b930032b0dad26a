//! The speed of the library, against the server's limit, handwritten code and a peer:
//! `make bench`.
//!
//! One private server without persistence. Every round runs each probe once, in turn, so
//! that other load on the machine hits all alike. Each figure is the median over the
//! rounds, and ratios are taken within a round. `ROUNDS=n` sets the number of rounds (5),
//! `QUICK=1` makes a short trial, and `ONLY=words` runs the probes whose names contain
//! one of the comma-separated words.

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

/// The readings of one measurement: names and numbers.
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
