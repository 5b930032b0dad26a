//! Scheduled messages, and jobs that recur.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::parts::{Field, input, signed};
use super::rich::Rich;
use super::sign::Sign;

/// The scheduled messages and the jobs of a stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedules {
    /// The stream.
    pub stream: String,
    /// How many there are.
    pub about: String,
    /// The jobs, by name.
    pub jobs: Vec<JobRow>,
    /// The messages, the next first.
    pub messages: Vec<ScheduledRow>,
    /// How many messages aren't shown.
    pub more: u64,
    /// Why nothing can be done here.
    pub refused: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// How bad it is.
    pub sign: Sign,
    /// Whether it goes on.
    pub state: String,
    /// When it is due, as it was written.
    pub times: String,
    /// When it is due next.
    pub next: String,
    /// When it was due last.
    pub last: String,
    /// What can be done: the words, what the form sends, and the command line.
    pub does: Vec<(String, Vec<Field>)>,
    /// The same as a command line.
    pub command: String,
}

/// A scheduled message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduledRow {
    /// Its id.
    pub id: String,
    /// How bad it is.
    pub sign: Sign,
    /// When it is due.
    pub due: String,
    /// Its fields, as many as fit.
    pub fields: Rich,
    /// What can be done: the words, and what the form sends.
    pub does: Vec<(String, Vec<Field>)>,
}

/// The page.
pub(super) fn schedules(frame: &Frame, page: &Schedules) -> Markup {
    frame.html(&html! {
        section {
            h1 { "Schedules of " (page.stream) small { (page.about) } }
            @if let Some(refused) = &page.refused { p.lead { (refused) } }
        }
        section {
            h2 { "Jobs that recur" }
            @if page.jobs.is_empty() {
                p.card.padded.soft { "There is none." }
            } @else {
                (jobs(page))
            }
        }
        section {
            h2 { "Scheduled messages " small { "the next first" } }
            @if page.messages.is_empty() {
                p.card.padded.soft { "There is none." }
            } @else {
                (messages(page))
            }
        }
    })
}

fn buttons(does: &[(String, Vec<Field>)], of: &str, is_refused: bool) -> Markup {
    html! {
        @if !is_refused {
            div.row.tight {
                @for (words, fields) in does {
                    form method="post" action="/change" {
                        @for field in fields { (input(field)) }
                        button.slim type="submit" aria-label={ (words) " " (of) } { (words) }
                    }
                }
            }
        }
    }
}

fn jobs(page: &Schedules) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" { "Job" }
                        th scope="col" { "State" }
                        th scope="col" { "When" }
                        th.number scope="col" { "Next" }
                        th.number scope="col" { "Last" }
                        th scope="col" { "Do" }
                    }
                }
                tbody {
                    @for row in &page.jobs {
                        tr.(row.sign.class()).plain data-key=(row.name) {
                            td.first.wide { (row.name) }
                            td.wide { span.state { (signed(row.sign, &row.state)) } }
                            td data-label="When" { code { (row.times) } }
                            td.number data-label="Next" { (row.next) }
                            td.number data-label="Last" { (row.last) }
                            td.wide { (buttons(&row.does, &row.name, page.refused.is_some())) small { code { (row.command) } } }
                        }
                    }
                }
            }
        }
    }
}

fn messages(page: &Schedules) -> Markup {
    html! {
        div.card.table {
            table {
                thead {
                    tr {
                        th scope="col" { "Message" }
                        th scope="col" { "Due" }
                        th scope="col" { "Fields" }
                        th scope="col" { "Do" }
                    }
                }
                tbody {
                    @for row in &page.messages {
                        tr.(row.sign.class()).plain data-key=(row.id) {
                            td.wide { code { (row.id) } }
                            td.wide { span.state { (signed(row.sign, &row.due)) } }
                            td.wide { code { (row.fields.html()) } }
                            td.wide { (buttons(&row.does, &row.id, page.refused.is_some())) }
                        }
                    }
                    @if page.more > 0 {
                        tr { td.wide colspan="4" { span.soft { "… and " (crate::words::count(page.more)) " more" } } }
                    }
                }
            }
        }
    }
}
