//! The question before a change, and forms with fields to edit.

use maud::{Markup, html};
use serde::Serialize;

use super::frame::Frame;
use super::rich::Rich;

/// The effect of a change, before it is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confirm {
    /// The question.
    pub title: String,
    /// The effect, by a dry run.
    pub plan: Vec<Rich>,
    /// Whether, and how, the change can be undone.
    pub undo: String,
    /// The equivalent command line; may be empty.
    pub command: String,
    /// The words on the button; `None` if there is nothing to do.
    pub button: Option<String>,
    /// The nonce of the question, valid once.
    pub nonce: String,
    /// The address of the page before.
    pub back: String,
}

/// The page.
pub fn confirm(frame: &Frame, page: &Confirm) -> Markup {
    frame.html(&html! {
        section.ask {
            h1 { (page.title) }
            @for sentence in &page.plan { p { (sentence.html()) } }
            p.soft { (page.undo) }
            @if let Some(button) = &page.button {
                form method="post" action="/confirm" {
                    input type="hidden" name="nonce" value=(page.nonce);
                    button.main type="submit" { (button) }
                    a.button href=(page.back) { "Leave it" }
                }
            } @else {
                p.row { a.button href=(page.back) { "Back" } }
            }
            @if !page.command.is_empty() { code.command { (page.command) } }
        }
    })
}

/// Fields to be edited before a message is put back or sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edit {
    /// The title.
    pub title: String,
    /// The effect.
    pub text: Rich,
    /// The fields: names, values and faults.
    pub fields: Vec<(String, String, String)>,
    /// Further parts of the form.
    pub hidden: Vec<(String, String)>,
    /// The words on the button.
    pub button: String,
    /// The address of the page before.
    pub back: String,
}

/// The page.
pub fn edit(frame: &Frame, page: &Edit) -> Markup {
    frame.html(&html! {
        section.card.padded {
            h1 { (page.title) }
            p.lead { (page.text.html()) }
            form method="post" action="/change" {
                @for (name, value) in &page.hidden { input type="hidden" name=(name) value=(value); }
                @for (number, (name, value, wrong)) in page.fields.iter().enumerate() {
                    p.edit {
                        label for={ "field" (number) } { code { (name) } @if !wrong.is_empty() { " " small.bad { (wrong) } } }
                        input id={ "field" (number) } type="text" name={ "field:" (name) } value=(value) autocomplete="off";
                    }
                }
                p.row {
                    button.main type="submit" { (page.button) }
                    a.button href=(page.back) { "Leave it" }
                }
            }
        }
    })
}
