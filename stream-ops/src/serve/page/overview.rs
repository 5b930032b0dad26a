//! All streams: what is wrong is the headline.

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
    /// What is wrong; none where all is well.
    pub problem: Option<Problem>,
    /// What is said where nothing is wrong, and more of it.
    pub calm: (String, String),
    /// The streams, the worst first; by name where all is well.
    pub streams: Vec<StreamRow>,
    /// Whether all streams have been looked for.
    pub is_complete: bool,
    /// What has happened lately, the newest first.
    pub happened: Vec<Happened>,
    /// Redis.
    pub redis: Vec<Tile>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamRow {
    /// Its name.
    pub name: String,
    /// How bad it is.
    pub sign: Sign,
    /// Its worst group, and how that is.
    pub state: String,
    /// More: the others.
    pub more: String,
    /// How old the oldest thing is that isn't done.
    pub behind: String,
    /// How many there are, and whether they grow.
    pub unread: String,
    /// How many come.
    pub arrives: String,
    /// How many came over the last hour.
    pub hour: Series,
    /// Dead letters.
    pub dead: String,
    /// Whether there are any.
    pub has_dead: bool,
}

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Happened {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What.
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
