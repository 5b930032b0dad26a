//! Dead letters: put back, removed, exported, imported.
//!
//! A [`DeadChoice`] selects them. [`redrive`] also reports those that would fail again.
//! [`import`] reads the output of [`export`], byte for byte, and skips dead letters that
//! are *there* already.

mod choice;
mod export;
mod failing;
mod import;
mod redrive;
mod remove;
mod there;

pub use self::choice::DeadChoice;
pub use self::export::export;
pub(super) use self::failing::Judge;
pub use self::import::import;
pub use self::redrive::redrive;
pub use self::remove::remove;
