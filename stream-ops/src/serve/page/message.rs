//! One message: its fields, its state in each group, and the possible actions.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::parts::{Action, actions, signed};
use super::rich::Rich;
use super::sign::Sign;

/// One message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// The stream.
    pub stream: String,
    /// Its id.
    pub id: String,
    /// Its time and size.
    pub about: String,
    /// The name of its schema.
    pub kind: String,
    /// More about the schema.
    pub schema: String,
    /// Its fields.
    pub fields: Vec<FieldRow>,
    /// Names and values as stored in Redis.
    pub raw: Vec<(String, String)>,
    /// Its state in each group.
    pub fates: Vec<Fate>,
    /// The possible actions.
    pub actions: Vec<Action>,
    /// Actions that aren't offered, with the reason.
    pub not: Option<String>,
    /// A note if it is no longer in the stream.
    pub gone: Option<String>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldRow {
    /// Its name.
    pub name: String,
    /// The expected kind of value.
    pub kind: String,
    /// The value.
    pub value: Rich,
    /// A note on the value.
    pub note: String,
}

/// The state of a message in a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fate {
    /// The group.
    pub group: String,
    /// The address of its page.
    pub link: String,
    /// The severity.
    pub sign: Sign,
    /// The state in a few words.
    pub words: String,
    /// More.
    pub more: String,
}

/// The page.
pub(super) fn message(frame: &Frame, page: &Message) -> Markup {
    frame.html(&html! {
        section {
            h1 { code { (page.id) } small { (page.about) } }
            @if let Some(gone) = &page.gone { p.lead { (gone) } }
        }
        div.columns {
            div {
                section {
                    h2 { (page.kind) " " small { (page.schema) } }
                    (fields(&page.fields))
                    @if !page.raw.is_empty() { (raw(&page.raw)) }
                }
            }
            div {
                section {
                    h2 { "What became of it" }
                    (fates(&page.fates))
                }
                section {
                    h2 { "Actions" }
                    @if page.actions.is_empty() && page.not.is_none() {
                        p.card.padded.soft { "There is nothing to do with it." }
                    } @else {
                        (actions(&page.actions, page.not.as_deref()))
                    }
                }
            }
        }
    })
}

fn fields(rows: &[FieldRow]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.card.padded.soft { "It has no fields." }
        } @else {
            div.card.table.fields {
                table {
                    thead.name { tr { th scope="col" { "Field" } th scope="col" { "Value" } th scope="col" { "Note" } } }
                    tbody {
                        @for row in rows {
                            tr data-key=(row.name) {
                                td { code { (row.name) small { (row.kind) } } }
                                td.wide { (row.value.html()) }
                                td.wide { small { (row.note) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn raw(rows: &[(String, String)]) -> Markup {
    html! {
        details {
            summary { "As stored in Redis" }
            pre.card.padded.code {
                @for (name, value) in rows { (name) " = " (value) "\n" }
            }
        }
    }
}

fn fates(rows: &[Fate]) -> Markup {
    html! {
        @if rows.is_empty() {
            p.card.padded.soft { "No group reads this stream." }
        } @else {
            div.card.table {
                table {
                    thead.name { tr { th scope="col" { "Group" } th scope="col" { "State" } } }
                    tbody {
                        @for row in rows {
                            tr.(row.sign.class()).plain data-key=(row.group) {
                                td { a href=(row.link) { (row.group) } }
                                td { span.state { (signed(row.sign, &row.words)) } small { (row.more) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
