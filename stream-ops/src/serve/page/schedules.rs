//! Scheduled messages and recurring jobs.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::link::Page;
use super::parts::{Field, input, signed};
use super::rich::Rich;
use super::sign::Sign;

/// The scheduled messages and the jobs of a stream, or of all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Schedules {
    /// The stream; `None` for all streams.
    pub stream: Option<String>,
    /// The title.
    pub title: String,
    /// The numbers of jobs and messages.
    pub about: String,
    /// The jobs, the worst first, then the next.
    pub jobs: Vec<JobRow>,
    /// The messages, the worst first, then the next.
    pub messages: Vec<ScheduledRow>,
    /// The number of messages that aren't shown.
    pub more: u64,
    /// The reason why nothing can be changed here.
    pub refused: Option<String>,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JobRow {
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub name: String,
    /// The severity.
    pub sign: Sign,
    /// The state in words.
    pub state: String,
    /// The times of the job, as configured.
    pub times: String,
    /// The time zone of the times.
    pub zone: String,
    /// The next time.
    pub next: String,
    /// The last time.
    pub last: String,
    /// The actions: words and form fields.
    pub does: Vec<(String, Vec<Field>)>,
    /// The equivalent command line.
    pub command: String,
}

/// A scheduled message.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduledRow {
    /// Its stream.
    pub stream: String,
    /// Its id.
    pub id: String,
    /// The severity.
    pub sign: Sign,
    /// The due time.
    pub due: String,
    /// Its fields, cut to one line.
    pub fields: Rich,
    /// The actions: words and form fields.
    pub does: Vec<(String, Vec<Field>)>,
}

/// The page.
pub(super) fn schedules(frame: &Frame, page: &Schedules) -> Markup {
    frame.html(&html! {
        section {
            h1 { (page.title) small { (page.about) } }
            @if let Some(refused) = &page.refused { p.lead { (refused) } }
        }
        section {
            h2 { "Recurring jobs " small { "the late ones first, then the next" } }
            @if page.jobs.is_empty() {
                p.card.padded.soft { "There are none." }
            } @else {
                (jobs(page))
            }
        }
        section {
            h2 { "Scheduled messages " small { "the late ones first, then the next" } }
            @if page.messages.is_empty() {
                p.card.padded.soft { "There are none." }
            } @else {
                (messages(page))
            }
        }
    })
}

/// A stream, with the way to its own schedules.
fn stream(name: &str) -> Markup {
    html! { td.named data-label="Stream" { a href=(Page::Schedules(name.to_owned()).link()) { (name) } } }
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
                        @if page.stream.is_none() { th scope="col" { "Stream" } }
                        th scope="col" { "State" }
                        th scope="col" { "When" }
                        th.number scope="col" { "Next" }
                        th.number scope="col" { "Last" }
                        th scope="col" { "Actions" }
                    }
                }
                tbody {
                    @for row in &page.jobs {
                        tr.(row.sign.class()).plain data-key={ (row.stream) " " (row.name) } {
                            td.first.wide { (row.name) }
                            @if page.stream.is_none() { (stream(&row.stream)) }
                            td.wide { span.state { (signed(row.sign, &row.state)) } }
                            td.times data-label="When" { code { (row.times) } small { (row.zone) } }
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
                        @if page.stream.is_none() { th scope="col" { "Stream" } }
                        th scope="col" { "Due" }
                        th scope="col" { "Fields" }
                        th scope="col" { "Actions" }
                    }
                }
                tbody {
                    @for row in &page.messages {
                        tr.(row.sign.class()).plain data-key={ (row.stream) " " (row.id) } {
                            td.wide { code { (row.id) } }
                            @if page.stream.is_none() { (stream(&row.stream)) }
                            td.wide { span.state { (signed(row.sign, &row.due)) } }
                            td.wide { code { (row.fields.html()) } }
                            td.wide { (buttons(&row.does, &row.id, page.refused.is_some())) }
                        }
                    }
                    @if page.more > 0 {
                        tr { td.wide colspan="5" { span.soft { "… and " (crate::words::count(page.more)) " more" } } }
                    }
                }
            }
        }
    }
}
