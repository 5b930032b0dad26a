//! What has happened, in sentences.

use crate::serve::page::{Happened, Page, Rich};
use crate::words::{count, cut, of, shown};

/// An event of a stream: when, and its fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The stream.
    pub stream: String,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What kind of event it is.
    pub kind: String,
    /// How many there were within a second.
    pub count: u64,
    /// The group.
    pub group: String,
    /// The consumer.
    pub consumer: String,
    /// More. No payload.
    pub text: String,
}

/// Events as sentences, the newest first.
pub fn happened(events: &[Event], most: usize) -> Vec<Happened> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at_ms));
    let events = events.into_iter().take(most);
    events
        .map(|event| Happened {
            at_ms: event.at_ms,
            words: said(event),
        })
        .collect()
}

fn said(event: &Event) -> Rich {
    let group = || {
        let link = Page::Group(event.stream.clone(), event.group.clone()).link();
        Rich::new().link(shown(event.group.as_bytes()), link)
    };
    let stream = || {
        let link = Page::Stream(event.stream.clone()).link();
        Rich::new().link(shown(event.stream.as_bytes()), link)
    };
    let consumer = shown(event.consumer.as_bytes());
    let number = event.count.max(1);
    let text = cut(&shown(event.text.as_bytes()), 120);
    let more = |said: Rich| {
        if text.is_empty() {
            said
        } else {
            said.plain(": ").plain(text.clone())
        }
    };
    match event.kind.as_str() {
        "takeover" => {
            let entries = of(number, "entry", "entries");
            more(
                group()
                    .plain(format!(" took over {entries} from "))
                    .code(consumer),
            )
        }
        "burial" => {
            let letters = of(number, "dead letter", "dead letters");
            let link = Page::Dead(event.stream.clone()).link();
            more(
                Rich::new()
                    .link(letters, link)
                    .plain(format!(" of {}", shown(event.group.as_bytes()))),
            )
        }
        "group-made-again" | "group-remade" => more(group().plain(" was gone, and was made again")),
        "consumer-removed" | "dead-consumer-removed" => {
            more(group().plain(" removed the dead consumer ").code(consumer))
        }
        "retention-blocked" => more(stream().plain(" can't be trimmed")),
        "hold" => more(group().plain(" was held back")),
        "release" => more(group().plain(" was let go")),
        "redrive" => more(
            of_letters(number)
                .plain(" of ")
                .plain(event.stream.clone())
                .plain(" were put back"),
        ),
        "schema-changed" | "schema" => more(stream().plain(" has a new schema")),
        "failover" => more(Rich::from("Another server became the master")),
        other => {
            let times = if number > 1 {
                format!(", {} times", count(number))
            } else {
                String::new()
            };
            more(stream().plain(format!(
                ": {}{times}",
                shown(other.as_bytes()).replace('-', " ")
            )))
        }
    }
}

fn of_letters(number: u64) -> Rich {
    Rich::from(of(number, "dead letter", "dead letters"))
}
