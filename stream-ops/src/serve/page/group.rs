//! One group: its state, the actions, and its consumers.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, filled};
use super::frame::Frame;
use super::link::Page;
use super::parts::{Action, Problem, Tile, actions, clock, problem, signed, tiles};
use super::rich::Rich;
use super::sign::Sign;

/// One group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// The stream.
    pub stream: String,
    /// Its name.
    pub name: String,
    /// The state.
    pub problem: Problem,
    /// Its numbers.
    pub tiles: Vec<Tile>,
    /// The number of unread entries over the last hour.
    pub unread: Series,
    /// Whether the number is a problem.
    pub is_bad: bool,
    /// Entries that may have killed their consumers.
    pub suspects: Vec<SuspectRow>,
    /// The possible actions.
    pub actions: Vec<Action>,
    /// Its consumers, those with trouble first.
    pub consumers: Vec<ConsumerRow>,
}

/// An entry in dead hands that was delivered more than once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuspectRow {
    /// Its id.
    pub id: String,
    /// Its address.
    pub link: String,
    /// Its fields, without sensitive values.
    pub words: String,
    /// The number of its deliveries.
    pub deliveries: String,
    /// The deliveries of other entries, for comparison.
    pub others: String,
}

/// A consumer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConsumerRow {
    /// Its name.
    pub name: String,
    /// The severity.
    pub sign: Sign,
    /// The age of its last sign of life.
    pub seen: String,
    /// The number of entries that it holds.
    pub in_hand: String,
    /// The time since it took the oldest of them.
    pub oldest: String,
    /// The state.
    pub state: String,
    /// Facts that it reports of itself.
    pub more: Rich,
}

/// The page.
pub(super) fn group(frame: &Frame, page: &Group) -> Markup {
    frame.html(&html! {
        (problem(&page.problem))
        section.near { (tiles(&page.tiles)) }
        div.columns {
            div {
                section {
                    h2 { "Unread, last hour" }
                    (unread(page))
                }
                @if !page.suspects.is_empty() {
                    section {
                        h2 { "Entries to suspect " small { "in dead hands, delivered more than once" } }
                        (suspects(&page.suspects))
                    }
                }
            }
            div {
                section {
                    h2 { "Safe to do now" }
                    @if page.actions.is_empty() { p.card.padded.soft { "Nothing needs to be done." } }
                    @else { (actions(&page.actions, None)) }
                }
            }
        }
        section {
            h2 { "Processes " small { "by their own signs of life" } }
            (consumers(&page.consumers))
        }
        section.more {
            p.soft {
                a href=(Page::Dead(page.stream.clone()).link()) { "Dead letters" } " · "
                a href=(Page::Messages(page.stream.clone()).link()) { "Messages" } " of " (page.stream)
            }
        }
    })
}

fn unread(page: &Group) -> Markup {
    let label = format!("unread entries of {} over the last hour", page.name);
    let middle = page.unread.from_ms.midpoint(page.unread.to_ms);
    html! {
        figure.card.padded.tall {
            (filled(&page.unread, (470.0, 130.0), &label, page.is_bad))
            figcaption {
                span { (clock(page.unread.from_ms)) }
                span { (clock(middle)) }
                span { "now" }
            }
        }
    }
}

fn suspects(rows: &[SuspectRow]) -> Markup {
    html! {
        div.card {
            @for row in rows {
                div.suspect {
                    div {
                        a href=(row.link) { code { (row.id) } }
                        div.soft { code { (row.words) } }
                    }
                    div.number { (row.deliveries) small { (row.others) } }
                }
            }
        }
    }
}

fn consumers(rows: &[ConsumerRow]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.card.padded.soft { "No process has ever read for this group." }
        } @else {
            div.card.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "Consumer" }
                            th scope="col" { "Last sign of life" }
                            th.number scope="col" { "In hand" }
                            th.number scope="col" { "Oldest in hand" }
                            th scope="col" { "State" }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr.(row.sign.class()) data-key=(row.name) {
                                td.wide { code { (row.name) } }
                                td.wide { span.state { (signed(row.sign, &row.seen)) } }
                                td.number data-label="In hand" { (row.in_hand) }
                                td.number data-label="Oldest in hand" { (row.oldest) }
                                td.wide { (row.state) @if !row.more.is_empty() { small { (row.more.html()) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
