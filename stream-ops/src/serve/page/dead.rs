//! The dead letters of a stream: their kinds, those of one kind, and the actions.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, sparkline};
use super::frame::Frame;
use super::parts::{Field, input};
use super::rich::Rich;

/// The dead letters of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dead {
    /// The stream.
    pub stream: String,
    /// Their number.
    pub total: String,
    /// The number of kinds, and of new letters.
    pub about: String,
    /// The kinds, the one with the newest letter first.
    pub kinds: Vec<KindRow>,
    /// The letters of the chosen kind.
    pub letters: Vec<LetterRow>,
    /// The title above the letters: `17 dead letters: undecodable`.
    pub title: String,
    /// The searched text.
    pub search: String,
    /// The chosen kind.
    pub chosen: String,
    /// The times since which letters can be shown.
    pub since: Vec<Choice>,
    /// The number of letters searched, and of those shown.
    pub looked: String,
    /// The number of letters of the kind that aren't shown.
    pub more: u64,
    /// The possible actions.
    pub ask: Option<Ask>,
}

/// Dead letters with the same reason and the same error.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindRow {
    /// The address of the page with this kind chosen.
    pub link: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
    /// Their number.
    pub count: String,
    /// The reason.
    pub reason: String,
    /// The error, numbers and ids left out.
    pub error: String,
    /// The groups.
    pub groups: String,
    /// Their number over the last hours.
    pub hours: Series,
    /// Whether the last came within an hour.
    pub is_new: bool,
    /// The time of the first.
    pub first: Moment,
    /// The time of the last.
    pub last: Moment,
}

/// A time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// The time of day, with the date if it isn't today's.
    pub at: String,
    /// Its age: `26 min ago`.
    pub ago: String,
    /// In milliseconds since 1970.
    pub ms: u64,
}

impl Moment {
    fn html(&self) -> Markup {
        html! { time title=(self.ago) { (self.at) } }
    }
}

/// A choice of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// Its value in the form.
    pub value: String,
    /// Its words.
    pub words: String,
    /// Whether it is chosen.
    pub is_chosen: bool,
}

/// One dead letter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LetterRow {
    /// Its id among the dead letters.
    pub letter: String,
    /// The id of the entry.
    pub entry: String,
    /// The address of its page.
    pub link: String,
    /// When it died.
    pub died: Moment,
    /// The number of its deliveries.
    pub deliveries: String,
    /// The fault.
    pub wrong: Rich,
    /// The consumer that had it last.
    pub consumer: String,
}

/// The actions for a selection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ask {
    /// The question.
    pub title: String,
    /// The effect.
    pub text: Rich,
    /// The buttons: actions and words.
    pub buttons: Vec<(String, String)>,
    /// The fields of the form.
    pub fields: Vec<Field>,
    /// The equivalent command line.
    pub command: String,
    /// The reason why the caller can't do it.
    pub refused: Option<String>,
}

/// The page.
pub(super) fn dead(frame: &Frame, page: &Dead) -> Markup {
    frame.html(&html! {
        section {
            h1 { (page.total) small { (page.about) } }
        }
        @if !page.kinds.is_empty() {
            section {
                h2 { "Kinds " small { "same reason and same error, ids and numbers left out" } }
                (kinds(&page.kinds))
            }
            section {
                h2 #letters { (page.title) }
                (filter(page))
                form method="post" action="/change" {
                    (letters(page))
                    @if let Some(ask) = &page.ask { (question(ask)) }
                }
            }
        } @else {
            section { p.card.padded { "No entry of this stream has died." } }
        }
    })
}

fn kinds(rows: &[KindRow]) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" { "How many" }
                        th scope="col" { "Why" }
                        th scope="col" { "Group" }
                        th scope="col" { "Last 3 h" }
                        th.number scope="col" { "First" }
                        th.number scope="col" { "Last" }
                    }
                }
                tbody {
                    @for row in rows {
                        tr data-key=(row.link) {
                            td {
                                a.choice href=(row.link) aria-current=[row.is_chosen.then_some("true")]
                                    aria-label={ "Show the " (row.count) " of this kind: " (row.reason) } { (row.count) }
                            }
                            td.wide { span.bad[row.is_new] { (row.reason) } small { (row.error) } }
                            td data-label="Group" { (row.groups) }
                            td data-label="Last 3 h" { (sparkline(&row.hours, "dead letters of this kind, over the last three hours", row.is_new)) }
                            td.number data-label="First" { (row.first.html()) }
                            td.number data-label="Last" { (row.last.html()) }
                        }
                    }
                }
            }
        }
    }
}

fn filter(page: &Dead) -> Markup {
    html! {
        form.filter method="get" action="#letters" {
            input type="hidden" name="kind" value=(page.chosen);
            label.name for="search" { "Search in fields and errors" }
            input #search type="search" name="q" value=(page.search) placeholder="field = value, error text" autocomplete="off";
            label.name for="since" { "When they died" }
            select #since name="since" {
                @for choice in &page.since {
                    option value=(choice.value) selected[choice.is_chosen] { (choice.words) }
                }
            }
            button type="submit" { "Show" }
            span.soft { (page.looked) }
        }
    }
}

fn letters(page: &Dead) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" {
                            input type="checkbox" data-all hidden checked aria-label="Select all or none";
                        }
                        th scope="col" { "Entry" }
                        th scope="col" { "Died" }
                        th.number scope="col" { "Deliveries" }
                        th scope="col" { "What is wrong" }
                        th scope="col" { "Consumer" }
                    }
                }
                tbody {
                    @for row in &page.letters {
                        tr.ticked data-key=(row.letter) {
                            td { input type="checkbox" name="letter" value=(row.letter) checked aria-label={ "Select " (row.entry) };
                                input type="hidden" name="shown" value=(row.letter); }
                            td.wide { a href=(row.link) { code { (row.entry) } } }
                            td.second data-label="Died" { (row.died.html()) }
                            td.number data-label="Deliveries" { (row.deliveries) }
                            td.wide { (row.wrong.html()) }
                            td.wide { code { (row.consumer) } }
                        }
                    }
                    @if page.letters.is_empty() {
                        tr { td.wide colspan="6" { span.soft { "No dead letter of this kind matches." } } }
                    }
                    @if page.more > 0 {
                        tr.ticked data-key="more" {
                            td { input type="checkbox" name="more" value="yes" checked aria-label="Select the others of this kind, too"; }
                            td.wide colspan="5" { span.soft { "… and " (crate::words::count(page.more)) " more of this kind" } }
                        }
                    }
                }
            }
        }
    }
}

fn question(ask: &Ask) -> Markup {
    html! {
        div.ask {
            h3 { (ask.title) }
            p { (ask.text.html()) }
            @if let Some(refused) = &ask.refused {
                p.soft { (refused) }
            } @else {
                @for field in ask.fields.iter().filter(|field| field.label.is_none()) { (input(field)) }
                div.row {
                    @for (what, words) in &ask.buttons {
                        button type="submit" name="do" value=(what) { (words) }
                    }
                    @for field in ask.fields.iter().filter(|field| field.label.is_some()) { (input(field)) }
                }
            }
            code.command { (ask.command) }
        }
    }
}
