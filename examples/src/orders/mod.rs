//! The `orders` program: a reliable order queue with a command line.

mod args;
mod dead;
mod handler;
mod idle;
mod order;
mod produce;
mod scheduled;
mod status;
mod trim;
mod work;

pub use self::args::Cli;
pub use self::order::Order;

use self::args::Command;

impl Cli {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// When an order or the command has failed.
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Produce(args) => produce::run(&args),
            Command::Work(args) => work::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Dead(args) => dead::run(&args),
            Command::Scheduled(args) => scheduled::run(&args),
            Command::Trim(args) => trim::run(&args),
        }
    }
}
