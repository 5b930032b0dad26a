//! Parts that several pages have.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, filled};
use super::rich::Rich;
use super::sign::Sign;

/// The headline: what is wrong, or that nothing is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub sign: Sign,
    /// In one sentence.
    pub title: Rich,
    /// Why, and what it means.
    pub text: Rich,
    /// Where to go on: the words, and the address.
    pub next: Option<(String, String)>,
    /// What will be.
    pub note: Option<String>,
    /// What grows, and how that is called.
    pub chart: Option<(Series, String)>,
    /// Other things that are wrong.
    pub others: Vec<(Sign, Rich)>,
}

/// A number with its name, and whether that is better or worse.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tile {
    /// Its name.
    pub name: String,
    /// The number; a dash where it is unknown.
    pub value: Rich,
    /// Better or worse, and than what.
    pub note: String,
}

impl Tile {
    /// A number as it is written.
    pub fn new(name: &str, value: impl Into<Rich>, note: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            note: note.into(),
        }
    }
}

/// Whether an action can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// It can.
    Can,
    /// It can't.
    Cannot,
    /// It is nothing that this page does.
    Outside,
}

impl Undo {
    fn words(self) -> &'static str {
        match self {
            Self::Can => "can be undone",
            Self::Cannot => "can't be undone",
            Self::Outside => "outside of this page",
        }
    }
}

/// A field of an action's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name in the form.
    pub name: String,
    /// What stands before it; hidden where there is nothing to say.
    pub label: Option<String>,
    /// What it begins with.
    pub value: String,
}

/// What can be done: its effect, its undo, and its command line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Action {
    /// What it is.
    pub title: String,
    /// Whether it can be taken back.
    pub undo: Undo,
    /// What it does, and what it doesn't.
    pub effect: Rich,
    /// The word on the button, and what the form sends; none where it isn't done here.
    pub button: Option<(String, Vec<Field>)>,
    /// The same as a command line.
    pub command: Option<String>,
    /// Whether it is the first thing to do.
    pub is_first: bool,
    /// Why it isn't offered to whoever looks.
    pub refused: Option<String>,
}

/// The headline of a page.
pub(crate) fn problem(problem: &Problem) -> Markup {
    titled(problem, &html! { h1 { (problem.title.html()) } })
}

/// A problem below the heading of a page.
pub(crate) fn problem_below(problem: &Problem) -> Markup {
    titled(problem, &html! { h2 { (problem.title.html()) } })
}

fn titled(problem: &Problem, title: &Markup) -> Markup {
    html! {
        section.problem.plain[problem.chart.is_none()].(problem.sign.class()) aria-label="The problem" {
            div {
                (title)
                @if !problem.text.is_empty() { p { (problem.text.html()) } }
                @if !problem.others.is_empty() {
                    ul.bare.others {
                        @for (sign, words) in &problem.others { li { (sign.html()) (words.html()) } }
                    }
                }
                @if problem.next.is_some() || problem.note.is_some() {
                    div.next {
                        @if let Some((words, to)) = &problem.next { a.button.main href=(to) { (words) } }
                        @if let Some(note) = &problem.note { span { (note) } }
                    }
                }
            }
            @if let Some((series, name)) = &problem.chart {
                figure {
                    (filled(series, (230.0, 82.0), name, true))
                    figcaption {
                        span { (clock(series.from_ms)) }
                        span { (name) }
                        span { "now" }
                    }
                }
            }
        }
    }
}

pub(crate) fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        dl.card.tiles {
            @for tile in tiles {
                div {
                    dt { (tile.name) }
                    dd.big { (tile.value.html()) }
                    dd { small { (tile.note) } }
                }
            }
        }
    }
}

pub(crate) fn actions(actions: &[Action], not: Option<&str>) -> Markup {
    html! {
        div.card {
            @for action in actions { (one(action)) }
            @if let Some(not) = not { div.action { p { (not) } } }
        }
    }
}

fn one(action: &Action) -> Markup {
    html! {
        div.action {
            h3 { (action.title) " " span.pill { (action.undo.words()) } }
            p { (action.effect.html()) }
            @if let Some((word, fields)) = &action.button {
                @if let Some(refused) = &action.refused {
                    p { (refused) }
                } @else {
                    form method="post" action="/change" {
                        @for field in fields { (input(field)) }
                        button.main[action.is_first] type="submit" { (word) }
                    }
                }
            }
            @if let Some(command) = &action.command { code.command { (command) } }
        }
    }
}

/// A field of a form, with its name.
pub(crate) fn input(field: &Field) -> Markup {
    html! {
        @match &field.label {
            Some(label) => label { (label) " " input.short type="text" name=(field.name) value=(field.value) autocomplete="off"; },
            None => input type="hidden" name=(field.name) value=(field.value);,
        }
    }
}

/// A sign and its words.
pub(crate) fn signed(sign: Sign, words: &str) -> Markup {
    html! { (sign.html()) (words) }
}

/// Hours and minutes of a time, in UTC.
pub(crate) fn clock(ms: u64) -> String {
    let minutes = ms / 60_000;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// Hours, minutes and seconds of a time, in UTC.
pub(crate) fn clock_seconds(ms: u64) -> String {
    format!("{}:{:02}", clock(ms), ms / 1_000 % 60)
}
