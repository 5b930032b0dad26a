//! Redis, all findings, and the audit.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::overview::{Happened, happened};
use super::parts::{Tile, tiles};
use super::rich::Rich;
use super::sign::Sign;

/// Redis, all findings, and the audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct System {
    /// The worst finding, in a sentence.
    pub title: String,
    /// More.
    pub about: String,
    /// Redis in numbers.
    pub tiles: Vec<Tile>,
    /// The masters.
    pub servers: Vec<ServerRow>,
    /// All findings, the worst first.
    pub findings: Vec<(Sign, Rich, String)>,
    /// The cost of looking.
    pub looking: Vec<Tile>,
    /// The latest changes, the newest first.
    pub audit: Vec<AuditRow>,
    /// The latest events, the newest first.
    pub happened: Vec<Happened>,
}

/// A master.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServerRow {
    /// Its address.
    pub address: String,
    /// Its program and version.
    pub version: String,
    /// Its replicas.
    pub replicas: String,
    /// Its memory.
    pub memory: String,
    /// The eviction policy.
    pub policy: String,
    /// The round trip.
    pub answers: String,
    /// The last save.
    pub saved: String,
}

/// A change in the audit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRow {
    /// The age.
    pub age: String,
    /// The author.
    pub who: String,
    /// The action.
    pub action: String,
    /// The stream and group.
    pub place: String,
    /// The number of entries.
    pub done: String,
    /// More.
    pub detail: String,
}

/// The page.
pub(super) fn system(frame: &Frame, page: &System) -> Markup {
    frame.html(&html! {
        section {
            h1.heading { (page.title) small { (page.about) } }
            (tiles(&page.tiles))
        }
        section {
            h2 { "Found " small { "the worst first" } }
            @if page.findings.is_empty() {
                p.card.padded.soft { "Nothing is wrong." }
            } @else {
                ul.card.bare.found {
                    @for (sign, words, advice) in &page.findings {
                        li { (sign.html()) div { (words.html()) @if !advice.is_empty() { div { code.soft { (advice) } } } } }
                    }
                }
            }
        }
        section {
            h2 { "Masters" }
            (servers(&page.servers))
        }
        section {
            h2 { "Cost of looking " small { "one look for all viewers" } }
            (tiles(&page.looking))
        }
        section {
            h2 { "What happened" }
            (happened(&page.happened))
        }
        section {
            h2 #audit { "Audit " small { "what was changed by these tools, the newest first" } }
            (audit(&page.audit))
        }
    })
}

fn servers(rows: &[ServerRow]) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" { "Address" }
                        th scope="col" { "Version" }
                        th.number scope="col" { "Replicas" }
                        th.number scope="col" { "Memory" }
                        th scope="col" { "When full" }
                        th.number scope="col" { "Answers in" }
                        th scope="col" { "Saved" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr data-key=(row.address) {
                            td.wide { code { (row.address) } }
                            td data-label="Version" { (row.version) }
                            td.number data-label="Replicas" { (row.replicas) }
                            td.number data-label="Memory" { (row.memory) }
                            td data-label="When full" { (row.policy) }
                            td.number data-label="Answers in" { (row.answers) }
                            td data-label="Saved" { (row.saved) }
                        }
                    }
                }
            }
        }
    }
}

fn audit(rows: &[AuditRow]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.card.padded.soft { "Nothing was changed yet." }
        } @else {
            div.card.table {
                table {
                    thead {
                        tr {
                            th scope="col" { "When" }
                            th scope="col" { "Who" }
                            th scope="col" { "What" }
                            th scope="col" { "Where" }
                            th.number scope="col" { "Entries" }
                            th scope="col" { "Which" }
                        }
                    }
                    tbody {
                        @for row in rows {
                            tr {
                                td data-label="When" { (row.age) }
                                td data-label="Who" { (row.who) }
                                td data-label="What" { (row.action) }
                                td data-label="Where" { (row.place) }
                                td.number data-label="Entries" { (row.done) }
                                td.wide { (row.detail) }
                            }
                        }
                    }
                }
            }
        }
    }
}
