//! The frame around every page.

use maud::{DOCTYPE, Markup, html};
use serde::Serialize;

use super::rich::Rich;

/// The places at the top of each page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// All streams, and the pages below them.
    Overview,
    /// Dead letters.
    Dead,
    /// Messages.
    Messages,
    /// Scheduled messages, and jobs.
    Schedules,
    /// Redis, and the audit.
    System,
    /// A page without a menu entry.
    Nowhere,
}

/// The way to a page: words and address.
pub type Crumb = (String, String);

/// The frame around every page.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The title of the window.
    pub title: String,
    /// The menu entry of the page.
    pub place: Place,
    /// The name of Redis: `--title`, or its address.
    pub redis: String,
    /// Its program, version and round trip, in one line.
    pub server: String,
    /// The server's time of day.
    pub clock: String,
    /// `live`, or the reason why it isn't.
    pub standing: String,
    /// The number of dead letters of all streams.
    pub dead: Option<String>,
    /// The permissions of the caller.
    pub may: String,
    /// The address of the page's JSON.
    pub json: Option<String>,
    /// Whether the script renews the page.
    pub is_live: bool,
    /// The result of the change that led here.
    pub told: Option<Rich>,
    /// Running changes: their progress and addresses.
    pub going: Vec<(String, String)>,
    /// The pages above it.
    pub crumbs: Vec<Crumb>,
}

impl Frame {
    /// The whole page.
    pub fn html(&self, body: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="same-origin";
                    title { (self.title) }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                    script src="/live.js" defer {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.header())
                    main #main data-live[self.is_live] {
                        @if let Some(told) = &self.told {
                            div.told data-key="told" role="status" { (told.html()) }
                        }
                        @for (words, to) in &self.going {
                            p.told data-key=(to) { (words) " " a href=(to) { "Look at it" } }
                        }
                        @if !self.crumbs.is_empty() {
                            nav.crumbs aria-label="Where this is" {
                                @for (words, to) in &self.crumbs {
                                    a href=(to) { (words) } " / "
                                }
                            }
                        }
                        (body)
                    }
                    (self.footer())
                }
            }
        }
    }

    fn header(&self) -> Markup {
        html! {
            header {
                a.brand href="/" { "streams" }
                nav.many[self.dead.as_ref().is_some_and(|dead| dead.len() > 3)] aria-label="Pages" {
                    (self.entry(Place::Overview, "/", &html! { "Overview" }))
                    (self.entry(Place::Dead, "/dead", &html! {
                        "Dead" span.rest { " letters" }
                        @if let Some(dead) = &self.dead { " " span.pill { (dead) } }
                    }))
                    (self.entry(Place::Messages, "/messages", &html! { "Messages" }))
                    (self.entry(Place::Schedules, "/schedules", &html! { "Schedules" }))
                    (self.entry(Place::System, "/system", &html! { "System" }))
                }
                div.standing {
                    span { (self.redis) @if !self.server.is_empty() { " · " (self.server) } }
                    span { (self.clock) " · " span data-standing { (self.standing) } }
                }
            }
        }
    }

    fn entry(&self, place: Place, to: &str, words: &Markup) -> Markup {
        let current = (self.place == place).then_some("page");
        html! { a href=(to) aria-current=[current] { (words) } }
    }

    fn footer(&self) -> Markup {
        html! {
            footer {
                span { (self.may) }
                span { "Every change is in the " a href="/system#audit" { "audit log" } }
                @if let Some(json) = &self.json {
                    a href=(json) { "JSON of this page" }
                }
            }
        }
    }
}

/// A page with the reason why there is none.
pub fn refusal(frame: &Frame, title: &str, text: &Rich) -> Markup {
    frame.html(&html! {
        section {
            h1 { (title) }
            p.lead { (text.html()) }
        }
    })
}

/// The mark of the dashboard.
pub(crate) const ICON: &str = concat!(
    r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">"##,
    r##"<path d="M1 5h14M1 11h14" stroke="#2453b8" stroke-width="2.4" stroke-linecap="round" stroke-dasharray="7 3"/></svg>"##
);
