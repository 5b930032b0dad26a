//! The program `streamctl`.
//!
//! *args* is its command line; each command is a file of *commands*. A *context* has the
//! connection and the options that all commands share; *changes* are planned, shown,
//! agreed to and carried out; results go through *output*, and the program ends with an
//! *exit* status.

mod args;
mod change_args;
mod changes;
mod commands;
mod context;
mod exit;
mod named;
mod output;
mod parse;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};

use self::args::Args;
use self::context::Context;
use self::exit::{Exit, Fault};
use crate::words::shown_lines;

/// Runs the program by the arguments of the process.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return refuse(&error),
    };
    match run(args) {
        Ok(exit) => exit.into(),
        Err(Fault { exit, text }) => {
            if !text.is_empty() {
                let _ = writeln!(io::stderr(), "streamctl: {}", shown_lines(&text));
            }
            exit.into()
        }
    }
}

/// The command line, for completions, the manual and tests of texts that name commands.
pub fn command() -> clap::Command {
    Args::command()
}

fn run(args: Args) -> Result<Exit, Fault> {
    let context = Context::new(args.globals)?;
    commands::run(&context, args.command)
}

/// `--help` and `--version` are results; every other error is wrong usage.
fn refuse(error: &clap::Error) -> ExitCode {
    let is_answer = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    // A closed pipe is no reason to complain.
    let _ = error.print();
    if is_answer { Exit::Done } else { Exit::Usage }.into()
}
