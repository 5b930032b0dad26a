//! Findings: what is wrong, in one sentence, and why; a pure function of the history.
//!
//! [`assess()`] gives each group a [`State`] with its [`Cause`]s (*state*, *causes*), by
//! how it has moved (*trend*), and says it (*say*) as a [`Finding`]. *others* has the
//! findings about streams and servers; [`Problems`] notices when a problem is over.

mod causes;
mod finding;
mod group;
#[cfg(test)]
mod limits;
mod others;
mod past;
mod say;
mod state;
#[cfg(test)]
mod tables;
mod trend;

pub use self::causes::Cause;
pub use self::finding::{Finding, Kind, Number, Severity};
pub use self::group::{Assessment, GroupAssessment, StreamAssessment, assess, assess_in};
pub use self::past::{Past, Problems};
pub use self::state::State;
pub use self::trend::Trend;
