//! Lists of streams to choose from.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::parts::signed;
use super::sign::Sign;

/// Streams to choose from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Index {
    /// The title, with the total.
    pub title: String,
    /// More about it.
    pub about: String,
    /// The name of the counted things.
    pub counted: String,
    /// The streams.
    pub rows: Vec<IndexRow>,
}

/// One stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexRow {
    /// Its name.
    pub name: String,
    /// The address of its page.
    pub link: String,
    /// The severity.
    pub sign: Sign,
    /// The state.
    pub state: String,
    /// Their number.
    pub count: String,
    /// A note on the number.
    pub note: String,
}

/// The page.
pub(super) fn index(frame: &Frame, page: &Index) -> Markup {
    frame.html(&html! {
        section {
            h1 { (page.title) }
            p.lead { (page.about) }
        }
        section {
            @if page.rows.is_empty() {
                p.card.padded.soft { "There is nothing to show." }
            } @else {
                div.card.table {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Stream" }
                                th scope="col" { "State" }
                                th.number scope="col" { (page.counted) }
                            }
                        }
                        tbody {
                            @for row in &page.rows {
                                tr.(row.sign.class()) data-key=(row.name) {
                                    td.first.wide { a href=(row.link) { (row.name) } }
                                    td.wide { span.state { (signed(row.sign, &row.state)) } }
                                    td.number.wide data-label=(page.counted) { (row.count) small { (row.note) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}
