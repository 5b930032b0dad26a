//! Orders through Redis, from the command line: produce them, work on them, look at them.
//! `orders --help` lists the commands.
//!
//! The server is the one of `REDIS_URL`, else a private one that ends with the
//! program.

use std::process::ExitCode;

use clap::Parser;
use stream_examples::orders::Cli;

fn main() -> ExitCode {
    stream_examples::log_to_stderr();
    let Err(error) = Cli::parse().run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("orders: {error:#}");
    ExitCode::FAILURE
}
