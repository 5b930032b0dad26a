//! All streams, with the worst problem as the headline.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, sparkline};
use super::frame::Frame;
use super::link::Page;
use super::parts::{Problem, Tile, clock_seconds, problem, signed, tiles};
use super::rich::Rich;
use super::sign::Sign;

/// All streams.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The worst problem; `None` if there is none.
    pub problem: Option<Problem>,
    /// The headline without a problem, and the text below it.
    pub calm: (String, String),
    /// The streams, the worst first; by name if all are well.
    pub streams: Vec<StreamRow>,
    /// Whether the search for streams is complete.
    pub is_complete: bool,
    /// The latest events, the newest first.
    pub happened: Vec<Happened>,
    /// Redis.
    pub redis: Vec<Tile>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamRow {
    /// Its name.
    pub name: String,
    /// The severity.
    pub sign: Sign,
    /// Its worst group, and the state of that.
    pub state: String,
    /// A note on the other groups.
    pub more: String,
    /// The age of the oldest entry that isn't done.
    pub behind: String,
    /// The number of unread entries, and its trend.
    pub unread: String,
    /// The rate of new entries.
    pub arrives: String,
    /// The rate of new entries over the last hour.
    pub hour: Series,
    /// Dead letters.
    pub dead: String,
    /// Whether there are any.
    pub has_dead: bool,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happened {
    /// The time, in milliseconds since 1970.
    pub at_ms: u64,
    /// The event in words.
    pub words: Rich,
}

/// The page.
pub(super) fn overview(frame: &Frame, page: &Overview) -> Markup {
    frame.html(&html! {
        @match &page.problem {
            Some(wrong) => (problem(wrong)),
            None => section {
                h1 { (page.calm.0) }
                p.lead { (page.calm.1) }
            },
        }
        section {
            h2 { "Streams " small { (order(page)) } }
            @if page.streams.is_empty() {
                p.card.padded {
                    @if page.is_complete { "There is no stream in this Redis yet." }
                    @else { "No stream was found so far. The search goes on." }
                }
            } @else {
                (streams(&page.streams))
            }
        }
        div.columns {
            div {
                section {
                    h2 { "What happened" }
                    (happened(&page.happened))
                }
            }
            div {
                section {
                    h2 { "Redis" }
                    div.pairs { (tiles(&page.redis)) }
                }
            }
        }
    })
}

fn order(page: &Overview) -> String {
    let number = page.streams.len();
    let is_calm = page.streams.iter().all(|row| row.sign == Sign::Fine);
    let order = if page.problem.is_none() && is_calm {
        "by name"
    } else {
        "the worst first"
    };
    let more = if page.is_complete {
        ""
    } else {
        ", more are looked for"
    };
    format!("{number}, {order}{more}")
}

fn streams(rows: &[StreamRow]) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" { "Stream" }
                        th scope="col" { "Groups" }
                        th.number scope="col" { "Furthest behind" }
                        th.number scope="col" { "Arrives" }
                        th scope="col" { "Last hour" }
                        th.number scope="col" { "Dead letters" }
                    }
                }
                tbody {
                    @for row in rows { (stream(row)) }
                }
            }
        }
    }
}

fn stream(row: &StreamRow) -> Markup {
    let link = Page::Stream(row.name.clone()).link();
    html! {
        tr.(row.sign.class()) data-key=(row.name) {
            td.first.wide { a href=(link) { (row.name) } }
            td.wide { span.state { (signed(row.sign, &row.state)) } small { (row.more) } }
            td.number.behind data-label="Furthest behind" { (row.behind) small { (row.unread) } }
            td.number data-label="Arrives" { (row.arrives) }
            td data-label="Last hour" { (sparkline(&row.hour, "entries that came, over the last hour", false)) }
            td.number data-label="Dead letters" {
                @if row.has_dead {
                    a.quiet href=(Page::Dead(row.name.clone()).link()) { (row.dead) }
                } @else { (row.dead) }
            }
        }
    }
}

pub(crate) fn happened(rows: &[Happened]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.card.padded.soft { "Nothing that is worth a line." }
        } @else {
            ul.card.bare.happened {
                @for row in rows {
                    li {
                        time { (clock_seconds(row.at_ms)) }
                        span { (row.words.html()) }
                    }
                }
            }
        }
    }
}
