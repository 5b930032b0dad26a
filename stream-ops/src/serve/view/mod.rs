//! Pure functions from facts and findings to the models of the pages.
//!
//! *say* has the words for states and causes, *series* the rows for charts, *happened*
//! the sentences for events, *ask* the question under dead letters, *since* the times
//! since which they are shown, and *dead more* their facts. *calm* is the headline without a problem, *redis* the
//! numbers of the server, *work* a change in progress; the others have the names of their
//! pages.

mod ask;
mod calm;
mod dead;
mod dead_more;
mod group;
mod happened;
mod message;
mod overview;
mod redis;
mod say;
mod schedules;
mod series;
mod since;
mod stream;
mod system;
mod work;

pub(crate) use self::ask::FEW;
pub use self::dead::{all_dead, dead};
pub(crate) use self::dead::{chosen, key_of, ms_of};
pub use self::dead_more::{DeadMore, Window};
pub use self::group::group;
pub use self::happened::{Event, happened};
pub use self::message::{MessageMore, PeekedLetter, all_messages, message, messages};
pub use self::overview::overview;
pub(crate) use self::redis::round_trip;
pub use self::schedules::{StreamSchedules, all_schedules, schedules};
pub use self::stream::{Retention, StreamMore, stream};
pub use self::system::{Looking, Noted, system};
pub use self::work::{WorkNow, work};
