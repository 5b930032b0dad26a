//! The messages of a stream, the newest first.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::rich::Rich;

/// The messages of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Messages {
    /// The stream.
    pub stream: String,
    /// The number of entries.
    pub about: String,
    /// The messages.
    pub rows: Vec<MessageRow>,
    /// The address of those before them.
    pub next: Option<String>,
    /// A note on hidden values.
    pub hidden: Option<String>,
}

/// A message in a line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MessageRow {
    /// Its id.
    pub id: String,
    /// The address of its page.
    pub link: String,
    /// The time since it was added.
    pub age: String,
    /// Its fields, cut to one line.
    pub fields: Rich,
    /// The misfits by its schema.
    pub wrong: Rich,
}

/// The page.
pub(super) fn messages(frame: &Frame, page: &Messages) -> Markup {
    frame.html(&html! {
        section {
            h1 { "Messages of " (page.stream) small { (page.about) } }
        }
        section {
            h2 { "The newest first " small { "faults by the newest schema are marked" } }
            @if page.rows.is_empty() {
                p.card.padded.soft { "There are no more." }
            } @else {
                div.card.table {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Entry" }
                                th.number scope="col" { "Added" }
                                th scope="col" { "Fields" }
                                th scope="col" { "What is wrong" }
                            }
                        }
                        tbody {
                            @for row in &page.rows {
                                tr data-key=(row.id) {
                                    td { a href=(row.link) { code { (row.id) } } }
                                    td.number { (row.age) }
                                    td.wide { code { (row.fields.html()) } }
                                    td.wide { (row.wrong.html()) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(next) = &page.next { p.row { a.button href=(next) { "Older ones" } } }
            @if let Some(hidden) = &page.hidden { p.lead { (hidden) } }
        }
    })
}
