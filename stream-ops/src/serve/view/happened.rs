//! Events in sentences.

use crate::assess::{Assessment, Cause};
use crate::observe::Look;
use crate::serve::page::{Happened, Page, Rich};
use crate::words::{count, cut, of, shown};

/// An event of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The stream.
    pub stream: String,
    /// Its time, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its kind.
    pub kind: String,
    /// The number of such events within a second.
    pub count: u64,
    /// The group.
    pub group: String,
    /// The consumer.
    pub consumer: String,
    /// Further words. No payload.
    pub text: String,
}

/// Equal events within this time become one line.
const ONE_LINE_MS: u64 = 300_000;

/// At most `most` events as sentences, the newest first. Equal ones are added up.
pub fn happened(events: &[Event], most: usize) -> Vec<Happened> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at_ms));
    let mut lines: Vec<Event> = Vec::new();
    for event in events {
        let alike = lines.iter_mut().find(|line| {
            line.at_ms.saturating_sub(event.at_ms) < ONE_LINE_MS && is_alike(line, event)
        });
        if let Some(line) = alike {
            line.count += event.count.max(1);
        } else if lines.len() < most {
            lines.push(Event {
                count: event.count.max(1),
                ..event.clone()
            });
        }
    }
    lines
        .iter()
        .map(|event| Happened {
            at_ms: event.at_ms,
            words: said(event),
        })
        .collect()
}

/// Groups that lost their last process; there was no process left to write an event.
pub(super) fn losses(look: &Look, found: &Assessment) -> Vec<Happened> {
    let groups = found.streams.iter().flat_map(|stream| &stream.groups);
    let alone = groups.filter(|group| {
        let is_it = |cause: &Cause| matches!(cause, Cause::NoProcess { .. });
        group.causes.iter().any(is_it)
    });
    let lost = alone.filter_map(|group| {
        let stream = look.streams.iter().find(|s| s.name == group.stream)?;
        let consumers = stream.group(&group.name)?.consumers.iter();
        let last = consumers.max_by_key(|consumer| consumer.sign_ms)?;
        let link = Page::Group(group.stream.clone(), group.name.clone()).link();
        Some(Happened {
            at_ms: last.sign_ms?,
            words: Rich::new()
                .link(shown(group.name.as_bytes()), link)
                .plain(" lost its last process, ")
                .code(shown(last.name.as_bytes())),
        })
    });
    lost.collect()
}

fn is_alike(one: &Event, other: &Event) -> bool {
    let key = |event: &Event| {
        let Event {
            stream,
            kind,
            group,
            consumer,
            text,
            ..
        } = event;
        [stream, kind, group, consumer, text].map(Clone::clone)
    };
    key(one) == key(other)
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
        "group-made-again" | "group-remade" => {
            more(group().plain(" was gone, and was created again"))
        }
        "consumer-removed" | "dead-consumer-removed" => {
            more(group().plain(" removed the dead consumer ").code(consumer))
        }
        "retention-blocked" => more(stream().plain(" can't be trimmed")),
        "hold" => more(group().plain(" was held back")),
        "release" => more(group().plain(" was released")),
        "redrive" => more(
            of_letters(number)
                .plain(" of ")
                .plain(event.stream.clone())
                .plain(if number == 1 {
                    " was put back"
                } else {
                    " were put back"
                }),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn burial(at_ms: u64, group: &str) -> Event {
        Event {
            stream: "orders".to_owned(),
            at_ms,
            kind: "burial".to_owned(),
            count: 2,
            group: group.to_owned(),
            ..Event::default()
        }
    }

    #[test]
    fn what_says_the_same_is_one_line() {
        let events = [
            burial(1_000_000, "a"),
            burial(1_001_000, "b"),
            burial(1_002_000, "a"),
            burial(1_000, "a"),
        ];
        let lines = happened(&events, 10);
        let said: Vec<String> = lines.iter().map(|line| line.words.text()).collect();
        let expected = [
            "4 dead letters of a",
            "2 dead letters of b",
            "2 dead letters of a",
        ];
        assert_eq!(said, expected);
        assert_eq!(happened(&events, 1).len(), 1);
    }
}
