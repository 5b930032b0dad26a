//! The pages, as pure functions from models to HTML.
//!
//! A *frame* stands around each page. Pages consist of *rich* sentences, *sign*s,
//! *chart*s and *parts*; *link* has their addresses. A *model* is any of the pages;
//! *confirm* asks before a change.

mod chart;
mod confirm;
mod dead;
mod frame;
mod group;
mod index;
mod link;
mod message;
mod messages;
mod model;
mod overview;
mod parts;
mod rich;
mod schedules;
mod sign;
mod stream;
mod system;
mod work;

pub use self::chart::Series;
pub use self::confirm::{Confirm, Edit, confirm, edit};
pub use self::dead::{Ask, Choice, Dead, KindRow, LetterRow, Moment};
pub(crate) use self::frame::ICON;
pub use self::frame::{Crumb, Frame, Place, refusal};
pub use self::group::{ConsumerRow, Group, SuspectRow};
pub use self::index::{Index, IndexRow};
pub use self::link::Page;
pub(crate) use self::link::coded;
pub use self::message::{Fate, FieldRow, Message};
pub use self::messages::{MessageRow, Messages};
pub use self::model::Model;
pub use self::overview::{Happened, Overview, StreamRow};
pub use self::parts::{Action, Field, Problem, Tile, Undo};
pub(crate) use self::parts::{clock, clock_seconds};
pub use self::rich::Rich;
pub use self::schedules::{JobRow, ScheduledRow, Schedules};
pub use self::sign::Sign;
pub use self::stream::{GroupRow, Rates, Stand, Stands, Stream};
pub use self::system::{AuditRow, ServerRow, System};
pub use self::work::Work;

/// The style sheet.
pub(crate) const STYLE: &str = include_str!("style.css");
/// The script.
pub(crate) const SCRIPT: &str = include_str!("live.js");
