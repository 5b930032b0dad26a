//! A running change, or an ended one.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::parts::{Tile, tiles};
use super::rich::Rich;

/// A running change, or an ended one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Work {
    /// The stream.
    pub stream: String,
    /// The change.
    pub title: String,
    /// The author.
    pub about: String,
    /// Its result; `None` while it runs.
    pub told: Option<Rich>,
    /// The number of things changed or left alone.
    pub done: u64,
    /// The planned number.
    pub planned: u64,
    /// The progress in numbers.
    pub tiles: Vec<Tile>,
    /// Its id, for the form that stops it; `None` if it has ended.
    pub stop: Option<String>,
    /// The equivalent command line.
    pub command: String,
    /// The address of the page from which it was started.
    pub back: String,
}

/// The page.
pub(super) fn work(frame: &Frame, page: &Work) -> Markup {
    frame.html(&html! {
        section {
            h1.heading { (page.title) small { (page.about) } }
            @if let Some(told) = &page.told { p.told { (told.html()) } }
            progress max=(page.planned) value=(page.done) aria-label="Progress" {}
            (tiles(&page.tiles))
        }
        section {
            @if let Some(id) = &page.stop {
                p.lead { "Entries that are done stay done. The others stay as they are." }
                form.row method="post" action="/stop" {
                    input type="hidden" name="work" value=(id);
                    button.main type="submit" { "Stop it" }
                    a.button href=(page.back) { "Let it go on" }
                }
            } @else {
                p.row { a.button href=(page.back) { "Back" } }
            }
            code.command { (page.command) }
        }
    })
}
