//! One stream: its entries, and the position of each of its groups.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, pair};
use super::frame::Frame;
use super::link::Page;
use super::parts::{Problem, Tile, clock, problem_below, signed, tiles};
use super::rich::Rich;
use super::sign::Sign;

/// One stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Its message types and settings.
    pub about: String,
    /// A problem of the stream itself.
    pub problem: Option<Problem>,
    /// Its numbers.
    pub tiles: Vec<Tile>,
    /// The position of each group, the worst first.
    pub stands: Stands,
    /// The rate of new entries, and the pace of the worst group; `None` without a group.
    pub rates: Option<Rates>,
    /// The groups.
    pub groups: Vec<GroupRow>,
    /// The effect of retention.
    pub retention: Rich,
    /// Links to more: words and address.
    pub links: Vec<(String, String)>,
}

/// The positions of the groups, by the time of the entries.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stands {
    /// The start of the time.
    pub from_ms: u64,
    /// The end of the time: now.
    pub to_ms: u64,
    /// The groups.
    pub groups: Vec<Stand>,
}

/// The position of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stand {
    /// Its name.
    pub group: String,
    /// The time up to which it has read everything.
    pub until_ms: u64,
    /// The severity.
    pub sign: Sign,
    /// The state, and the number of unread entries.
    pub words: String,
}

/// The rate of new entries, and the pace of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rates {
    /// The group.
    pub group: String,
    /// Whether the group has a problem.
    pub is_bad: bool,
    /// New entries per second.
    pub arrives: Series,
    /// Entries that the group handles per second.
    pub handled: Series,
}

/// One group of the stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupRow {
    /// Its name.
    pub name: String,
    /// The severity.
    pub sign: Sign,
    /// The state, and its start.
    pub state: String,
    /// Unread entries.
    pub unread: String,
    /// Entries delivered and not acknowledged.
    pub in_hand: String,
    /// Entries that wait for a retry.
    pub waiting: String,
    /// The pace.
    pub handles: String,
    /// The number of living processes.
    pub processes: String,
    /// The time until it is done.
    pub done_in: String,
}

/// The page.
pub(super) fn stream(frame: &Frame, page: &Stream) -> Markup {
    frame.html(&html! {
        section {
            h1.heading { (page.name) small { (page.about) } }
            @if let Some(wrong) = &page.problem { (problem_below(wrong)) }
            (tiles(&page.tiles))
        }
        @if !page.stands.groups.is_empty() {
            section {
                h2 { "Where each group stands " small { "by the time of the entries, " (clock(page.stands.from_ms)) " to now" } }
                (stands(page))
            }
        }
        @if let Some(rates) = &page.rates {
            section {
                h2 { "Arrives, and handled by " (rates.group) " " small { "entries per second" } }
                (lines(rates))
            }
        }
        section {
            h2 { "Groups" }
            (groups(page))
        }
        section {
            h2 { "Retention" }
            p { (page.retention.html()) }
        }
        @if !page.links.is_empty() {
            section {
                h2 { "More" }
                p.row { @for (words, to) in &page.links { a.button href=(to) { (words) } } }
            }
        }
    })
}

fn stands(page: &Stream) -> Markup {
    let stands = &page.stands;
    let span = stands.to_ms.saturating_sub(stands.from_ms).max(1);
    let third = |part: u64| clock(stands.from_ms + span * part / 3);
    html! {
        div.card.stands {
            @for stand in &stands.groups {
                a href=(Page::Group(page.name.clone(), stand.group.clone()).link()) { (stand.group) }
                (bar(stand, stands))
                span.words.bad[stand.sign == Sign::Trouble].warn[stand.sign == Sign::Worsens] {
                    (signed(stand.sign, &stand.words))
                }
            }
            div.axis aria-hidden="true" {
                span { (third(0)) } span { (third(1)) } span { (third(2)) } span { "now" }
            }
        }
    }
}

/// Read entries as a bar and unread ones hatched, so that they differ without colours.
#[expect(clippy::cast_precision_loss, reason = "places on a screen")]
fn bar(stand: &Stand, stands: &Stands) -> Markup {
    let span = stands.to_ms.saturating_sub(stands.from_ms).max(1) as f64;
    let until = stand.until_ms.clamp(stands.from_ms, stands.to_ms);
    let done = until.saturating_sub(stands.from_ms) as f64 / span * 1_000.0;
    let label = format!("{} has read all up to {}", stand.group, clock(until));
    html! {
        svg.bar viewBox="0 0 1000 14" preserveAspectRatio="none" role="img" aria-label=(label) {
            rect.done width=(format!("{done:.1}")) height="14" {}
            g.left {
                @for stripe in stripes(done) {
                    path d=(stripe) stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" {}
                }
            }
        }
    }
}

/// Slanted lines from a place to the end.
fn stripes(from: f64) -> Vec<String> {
    let mut stripes = Vec::new();
    let mut at = from;
    while at < 1_000.0 {
        stripes.push(format!("M{at:.1} 14L{:.1} 0", (at + 11.0).min(1_000.0)));
        at += 11.0;
    }
    stripes
}

fn lines(rates: &Rates) -> Markup {
    let label = format!(
        "entries per second that arrive, and that {} handles",
        rates.group
    );
    let (from, to) = (rates.arrives.from_ms, rates.arrives.to_ms);
    let third = |part: u64| from + to.saturating_sub(from) * part / 3;
    html! {
        figure.card.padded {
            (pair(&rates.arrives, &rates.handled, &label, rates.is_bad))
            figcaption {
                span { (clock(rates.arrives.from_ms)) }
                span.third { (clock(third(1))) }
                span.legend { "— arrives " span.bad[rates.is_bad] { "— " (rates.group) } }
                span.third { (clock(third(2))) }
                span { "now" }
            }
        }
    }
}

fn groups(page: &Stream) -> Markup {
    html! {
        @if page.groups.is_empty() {
            p.card.padded { "No group reads this stream." }
        } @else {
            div.card.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "Group" }
                            th scope="col" { "State" }
                            th.number scope="col" { "Unread" }
                            th.number scope="col" { "In hand" }
                            th.number scope="col" { "Waiting" }
                            th.number scope="col" { "Handles" }
                            th.number scope="col" { "Processes" }
                            th.number scope="col" { "Done in" }
                        }
                    }
                    tbody {
                        @for row in &page.groups {
                            tr.(row.sign.class()).plain data-key=(row.name) {
                                td.first.wide { a href=(Page::Group(page.name.clone(), row.name.clone()).link()) { (row.name) } }
                                td.wide { span.state { (signed(row.sign, &row.state)) } }
                                td.number data-label="Unread" { (row.unread) }
                                td.number data-label="In hand" { (row.in_hand) }
                                td.number data-label="Waiting" { (row.waiting) }
                                td.number data-label="Handles" { (row.handles) }
                                td.number data-label="Processes" { (row.processes) }
                                td.number data-label="Done in" { (row.done_in) }
                            }
                        }
                    }
                }
            }
        }
    }
}
