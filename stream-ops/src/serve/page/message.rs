//! One message: what is in it, what became of it, and what can be done with it.

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
    /// When it was added, and how large it is.
    pub about: String,
    /// What it is, by which schema.
    pub kind: String,
    /// More about the schema.
    pub schema: String,
    /// Its fields.
    pub fields: Vec<FieldRow>,
    /// As it stands in Redis: names and values.
    pub raw: Vec<(String, String)>,
    /// What became of it in each group.
    pub fates: Vec<Fate>,
    /// What can be done with it.
    pub actions: Vec<Action>,
    /// What isn't offered, and why.
    pub not: Option<String>,
    /// What stands in its place, where it is no longer there.
    pub gone: Option<String>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FieldRow {
    /// Its name.
    pub name: String,
    /// What it should be.
    pub kind: String,
    /// What it is.
    pub value: Rich,
    /// What is odd about it.
    pub note: String,
}

/// What became of a message in a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fate {
    /// The group.
    pub group: String,
    /// The address of its page.
    pub link: String,
    /// How bad it is.
    pub sign: Sign,
    /// In a few words.
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
