//! Orders through Redis, from the command line: produce them, work on them,
//! look at them. `orders --help` lists it all.
//!
//! The server is the one of `REDIS_URL`, else a private one that ends with the
//! program.

use std::process::ExitCode;

use clap::Parser;
use stream_examples::orders::{Cli, NotYet};

fn main() -> ExitCode {
    stream_examples::log_to_stderr();
    let Err(error) = Cli::parse().run() else {
        return ExitCode::SUCCESS;
    };
    if let Some(not_yet) = error.downcast_ref::<NotYet>() {
        eprintln!("{not_yet}");
        return ExitCode::from(2);
    }
    eprintln!("orders: {error:#}");
    ExitCode::FAILURE
}
