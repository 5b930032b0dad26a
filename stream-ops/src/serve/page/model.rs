//! Any of the pages.

use maud::Markup;
use serde_json::{Value, to_value};

use super::dead::{Dead, dead};
use super::frame::{Crumb, Frame, Place};
use super::group::{Group, group};
use super::index::{Index, index};
use super::link::Page;
use super::message::{Message, message};
use super::messages::{Messages, messages};
use super::overview::{Overview, overview};
use super::schedules::{Schedules, schedules};
use super::stream::{Stream, stream};
use super::system::{System, system};
use super::work::{Work, work};

/// The model of any page.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// All streams.
    Overview(Box<Overview>),
    /// One stream.
    Stream(Box<Stream>),
    /// One group.
    Group(Box<Group>),
    /// Streams to choose from.
    Index(Box<Index>, Place),
    /// The dead letters of a stream.
    Dead(Box<Dead>),
    /// The messages of a stream.
    Messages(Box<Messages>),
    /// One message.
    Message(Box<Message>),
    /// The schedules of a stream.
    Schedules(Box<Schedules>),
    /// Redis, and the audit.
    System(Box<System>),
    /// A running change, or an ended one.
    Work(Box<Work>),
}

impl Model {
    /// The page, in its frame.
    pub fn html(&self, frame: &Frame) -> Markup {
        match self {
            Self::Overview(page) => overview(frame, page),
            Self::Stream(page) => stream(frame, page),
            Self::Group(page) => group(frame, page),
            Self::Index(page, _) => index(frame, page),
            Self::Dead(page) => dead(frame, page),
            Self::Messages(page) => messages(frame, page),
            Self::Message(page) => message(frame, page),
            Self::Schedules(page) => schedules(frame, page),
            Self::System(page) => system(frame, page),
            Self::Work(page) => work(frame, page),
        }
    }

    /// The model as JSON.
    pub fn json(&self) -> Value {
        let value = match self {
            Self::Overview(page) => to_value(page),
            Self::Stream(page) => to_value(page),
            Self::Group(page) => to_value(page),
            Self::Index(page, _) => to_value(page),
            Self::Dead(page) => to_value(page),
            Self::Messages(page) => to_value(page),
            Self::Message(page) => to_value(page),
            Self::Schedules(page) => to_value(page),
            Self::System(page) => to_value(page),
            Self::Work(page) => to_value(page),
        };
        value.unwrap_or(Value::Null)
    }

    /// The title of its window: what is worst comes first.
    pub fn title(&self) -> String {
        match self {
            Self::Overview(page) => match &page.problem {
                Some(problem) => format!("{} {}", problem.sign.shape(), problem.title.text()),
                None => page.calm.0.clone(),
            },
            Self::Stream(page) => page.name.clone(),
            Self::Group(page) => {
                format!(
                    "{} {}",
                    page.problem.sign.shape(),
                    page.problem.title.text()
                )
            }
            Self::Index(page, _) => page.title.clone(),
            Self::Dead(page) => page.total.clone(),
            Self::Messages(page) => format!("Messages of {}", page.stream),
            Self::Message(page) => format!("{} of {}", page.id, page.stream),
            Self::Schedules(page) => page.title.clone(),
            Self::System(page) => page.title.clone(),
            Self::Work(page) => page.title.clone(),
        }
    }

    /// The menu entry.
    pub fn place(&self) -> Place {
        match self {
            Self::Overview(_) => Place::Overview,
            Self::Stream(_) | Self::Group(_) | Self::Work(_) => Place::Nowhere,
            Self::Index(_, place) => *place,
            Self::Dead(_) => Place::Dead,
            Self::Messages(_) | Self::Message(_) => Place::Messages,
            Self::Schedules(_) => Place::Schedules,
            Self::System(_) => Place::System,
        }
    }

    /// The pages above it.
    pub fn crumbs(&self) -> Vec<Crumb> {
        let top = || ("Overview".to_owned(), Page::Overview.link());
        let below = |stream: &str| (stream.to_owned(), Page::Stream(stream.to_owned()).link());
        match self {
            Self::Overview(_) | Self::Index(..) | Self::System(_) => Vec::new(),
            Self::Stream(_) => vec![top()],
            Self::Group(page) => vec![top(), below(&page.stream)],
            Self::Dead(page) => vec![top(), below(&page.stream)],
            Self::Messages(page) => vec![top(), below(&page.stream)],
            Self::Message(page) => vec![top(), below(&page.stream)],
            Self::Schedules(page) => match &page.stream {
                Some(stream) => vec![top(), below(stream)],
                None => Vec::new(),
            },
            Self::Work(page) => vec![top(), below(&page.stream)],
        }
    }
}
