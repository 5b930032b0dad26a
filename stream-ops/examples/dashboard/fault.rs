//! The faults of the demonstration.

use clap::ValueEnum;

/// The faults of the demonstration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// One order kills each process that handles it.
    Crash,
    /// Handlers are slower than orders arrive.
    Slow,
    /// Some orders can't be decoded.
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

    /// The effect of the fault.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Crash => {
                "In ten seconds an order arrives that kills every process of `billing` that handles \
                 it. From the third death on none is started again: find the order, and set it aside."
            }
            Self::Slow => "Handlers of `billing` are slower than orders arrive.",
            Self::Poison => {
                "Every twentieth order has an amount that is not a number: see the dead letters."
            }
            Self::None => "Nothing goes wrong.",
        }
    }
}
