//! Dead letters: put back, removed, written out, read in.
//!
//! A [`DeadChoice`] says which ones. [`redrive`] says which of them would fail again; what
//! [`export`] writes, [`import`] reads, byte for byte, but for those that are *there*.

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
