//! What goes wrong.

use clap::ValueEnum;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// One order kills each process that handles it.
    Crash,
    /// Handlers take longer than orders take to come.
    Slow,
    /// Some orders can't be read.
    Poison,
    /// Nothing.
    None,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Slow => "slow",
            Self::Poison => "poison",
            Self::None => "none",
        }
    }

    /// What there is to see.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Crash => {
                "In ten seconds an order comes that kills every process of `billing` that handles \
                 it. After three deaths nobody starts another one: find the order, and set it aside."
            }
            Self::Slow => "Handlers of `billing` take longer than orders take to come.",
            Self::Poison => {
                "Every twentieth order has an amount that is no number: see the dead letters."
            }
            Self::None => "Nothing goes wrong.",
        }
    }
}
