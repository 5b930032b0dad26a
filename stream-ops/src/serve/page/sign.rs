//! Shapes for severities, readable without colours.

use maud::{Markup, html};
use serde::Serialize;

/// The severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// Nothing needs to be done.
    Fine,
    /// The state gets better by itself.
    Mends,
    /// The state gets worse.
    Worsens,
    /// Somebody has to act.
    Trouble,
}

impl Sign {
    /// Its shape.
    pub fn shape(self) -> &'static str {
        match self {
            Self::Fine => "○",
            Self::Mends => "◇",
            Self::Worsens => "◆",
            Self::Trouble => "▲",
        }
    }

    /// The CSS class.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Mends => "mends",
            Self::Worsens => "worsens",
            Self::Trouble => "trouble",
        }
    }

    pub(crate) fn html(self) -> Markup {
        let label = match self {
            Self::Fine => "fine",
            Self::Mends => "gets better",
            Self::Worsens => "gets worse",
            Self::Trouble => "trouble",
        };
        html! {
            svg class={ "sign " (self.class()) } viewBox="0 0 12 12" width="12" height="12" role="img" aria-label=(label) {
                @match self {
                    Self::Fine => circle cx="6" cy="6" r="4.1" fill="none" stroke="currentColor" stroke-width="1.2" {},
                    Self::Mends => path d="M6 1.2 10.8 6 6 10.8 1.2 6Z" fill="none" stroke="currentColor" stroke-width="1.2" {},
                    Self::Worsens => path d="M6 .8 11.2 6 6 11.2 .8 6Z" fill="currentColor" {},
                    Self::Trouble => path d="M6 1.2 11.6 10.8H.4Z" fill="currentColor" {},
                }
            }
        }
    }
}
