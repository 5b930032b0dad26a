//! The pages, as pure functions from what was found out to HTML.
//!
//! A *frame* stands around each page; *rich* sentences, *sign*s, *chart*s and *parts* are
//! what pages are made of, and *link* says under which address each one is.

mod chart;
mod frame;
mod group;
mod link;
mod overview;
mod parts;
mod rich;
mod sign;
mod stream;

pub use self::chart::Series;
pub use self::frame::{Crumb, Frame, Place, refusal};
pub(crate) use self::frame::ICON;
pub use self::group::{ConsumerRow, Group, SuspectRow, group};
pub use self::link::Page;
pub(crate) use self::link::coded;
pub use self::overview::{Happened, Overview, StreamRow, overview};
pub use self::parts::{Action, Field, Problem, Tile, Undo};
pub(crate) use self::parts::{clock, clock_seconds};
pub use self::rich::Rich;
pub use self::sign::Sign;
pub use self::stream::{GroupRow, Rates, Stand, Stands, Stream, stream};

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The script.
pub(crate) const SCRIPT: &str = include_str!("live.js");
