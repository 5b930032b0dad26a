//! The `orders` program: a reliable order queue, by hand.

mod args;
mod dead;
mod handler;
mod idle;
mod order;
mod produce;
mod status;
mod work;

use std::fmt;

pub use self::args::Cli;
pub use self::order::Order;

use self::args::Command;

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    ///
    /// When not all went well; [`NotYet`] for what is not built.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Produce(args) => produce::run(&args),
            Command::Work(args) => work::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Dead(args) => dead::run(&args),
            Command::Trim(_) => Err(NotYet("trim").into()),
        }
    }
}

/// A part of the command line that is not built yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotYet(&'static str);

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not yet: {}", self.0)
    }
}

impl std::error::Error for NotYet {}
