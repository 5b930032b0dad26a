//! The `orders` program: a reliable order queue, by hand.

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
    /// Does what the command line says.
    ///
    /// # Errors
    ///
    /// When not all went well.
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
