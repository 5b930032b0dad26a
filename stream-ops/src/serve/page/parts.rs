//! Parts that several pages have.

use maud::{Markup, html};
use serde::Serialize;

use super::chart::{Series, filled};
use super::rich::Rich;
use super::sign::Sign;

/// The headline: the worst problem, or that there is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// The severity.
    pub sign: Sign,
    /// The problem in one sentence.
    pub title: Rich,
    /// The causes, and the consequences.
    pub text: Rich,
    /// A link: words and address.
    pub next: Option<(String, String)>,
    /// A forecast or advice.
    pub note: Option<String>,
    /// The chart, and its label.
    pub chart: Option<(Series, String)>,
    /// Further problems.
    pub others: Vec<(Sign, Rich)>,
}

/// A number with its name and a note.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tile {
    /// Its name.
    pub name: String,
    /// The number; a dash if it is unknown.
    pub value: Rich,
    /// A note on the number.
    pub note: String,
}

impl Tile {
    /// A tile from texts.
    pub fn new(name: &str, value: impl Into<Rich>, note: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            value: value.into(),
            note: note.into(),
        }
    }
}

/// Whether an action can be undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// It can be undone.
    Can,
    /// It can't be undone.
    Cannot,
    /// The page doesn't do it.
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
    /// Its label; without one it is hidden.
    pub label: Option<String>,
    /// Its first value.
    pub value: String,
}

/// An action: its effect, its undo, and its command line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Action {
    /// The title.
    pub title: String,
    /// Whether it can be undone.
    pub undo: Undo,
    /// The effect.
    pub effect: Rich,
    /// The words on the button and the fields of its form; `None` if the page doesn't do
    /// it.
    pub button: Option<(String, Vec<Field>)>,
    /// The equivalent command line.
    pub command: Option<String>,
    /// Whether it is the most urgent action.
    pub is_first: bool,
    /// The reason why the caller can't do it.
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

/// A sign with words.
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
