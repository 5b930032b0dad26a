//! From what was seen and found out to what the pages show: pure functions.
//!
//! *say* has the words for states and causes, *series* the rows for charts.

mod group;
mod overview;
mod say;
mod series;
mod stream;

pub use self::group::group;
pub use self::overview::overview;
pub use self::stream::{Retention, StreamMore, stream};
