//! Sentences with marked words.

use maud::{Markup, html};
use serde::{Serialize, Serializer};

/// A sentence with marked words. In JSON it is plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rich(Vec<Span>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Span {
    Plain(String),
    Strong(String),
    Bad(String),
    Quoted(String),
    Soft(String),
    Code(String),
    Link {
        text: String,
        to: String,
        is_code: bool,
    },
}

impl Rich {
    /// An empty sentence.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words.
    #[must_use]
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.with(Span::Plain(text.into()))
    }

    /// Adds emphasized words.
    #[must_use]
    pub fn strong(self, text: impl Into<String>) -> Self {
        self.with(Span::Strong(text.into()))
    }

    /// Adds words that name a problem.
    #[must_use]
    pub fn bad(self, text: impl Into<String>) -> Self {
        self.with(Span::Bad(text.into()))
    }

    /// Adds a wrong value.
    #[must_use]
    pub fn quoted(self, text: impl Into<String>) -> Self {
        self.with(Span::Quoted(text.into()))
    }

    /// Adds words for something absent.
    #[must_use]
    pub fn soft(self, text: impl Into<String>) -> Self {
        self.with(Span::Soft(text.into()))
    }

    /// Adds a technical name: a field, a consumer.
    #[must_use]
    pub fn code(self, text: impl Into<String>) -> Self {
        self.with(Span::Code(text.into()))
    }

    /// Adds a link.
    #[must_use]
    pub fn link(self, text: impl Into<String>, to: impl Into<String>) -> Self {
        self.with(Span::Link {
            text: text.into(),
            to: to.into(),
            is_code: false,
        })
    }

    /// Adds a link to an entry.
    #[must_use]
    pub fn entry(self, text: impl Into<String>, to: impl Into<String>) -> Self {
        self.with(Span::Link {
            text: text.into(),
            to: to.into(),
            is_code: true,
        })
    }

    /// A sentence with names in backticks.
    pub fn ticked(text: &str) -> Self {
        let parts = text.split('`').enumerate();
        parts.fold(Self::new(), |said, (number, part)| {
            match (number % 2, part) {
                (_, "") => said,
                (0, part) => said.plain(part),
                (_, part) => said.code(part),
            }
        })
    }

    /// A sentence with the ids of entries.
    pub fn with_ids(text: &str) -> Self {
        let is_id = |word: &str| {
            let (ms, number) = word.split_once('-').unwrap_or_default();
            ms.len() >= 10 && [ms, number].iter().all(|part| part.parse::<u64>().is_ok())
        };
        let mut said = Self::new();
        let mut plain = String::new();
        for word in text.split_inclusive(|c: char| !c.is_ascii_digit() && c != '-') {
            let id = word.trim_end_matches(|c: char| !c.is_ascii_digit());
            if is_id(id) {
                said = said.plain(std::mem::take(&mut plain)).code(id);
                plain.push_str(word.get(id.len()..).unwrap_or_default());
            } else {
                plain.push_str(word);
            }
        }
        if plain.is_empty() {
            said
        } else {
            said.plain(plain)
        }
    }

    /// Whether the sentence is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words without the marks.
    pub fn text(&self) -> String {
        let words = self.0.iter().map(|span| match span {
            Span::Plain(text)
            | Span::Strong(text)
            | Span::Bad(text)
            | Span::Quoted(text)
            | Span::Soft(text)
            | Span::Code(text)
            | Span::Link { text, .. } => text.as_str(),
        });
        words.collect()
    }

    pub(crate) fn html(&self) -> Markup {
        html! {
            @for span in &self.0 {
                @match span {
                    Span::Plain(text) => (text),
                    Span::Strong(text) => strong { (text) },
                    Span::Bad(text) => span.bad { (text) },
                    Span::Quoted(text) => mark { (text) },
                    Span::Soft(text) => span.none { (text) },
                    Span::Code(text) => code { (text) },
                    Span::Link { text, to, is_code: false } => a href=(to) { (text) },
                    Span::Link { text, to, is_code: true } => a href=(to) { code { (text) } },
                }
            }
        }
    }

    fn with(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }
}

impl From<&str> for Rich {
    fn from(text: &str) -> Self {
        Self::new().plain(text)
    }
}

impl From<String> for Rich {
    fn from(text: String) -> Self {
        Self::new().plain(text)
    }
}

impl Serialize for Rich {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_marked_in_a_sentence() {
        for (text, html) in [
            (
                "Suspect: 1795660841120-0, third.",
                "Suspect: <code>1795660841120-0</code>, third.",
            ),
            ("1795660841120-0", "<code>1795660841120-0</code>"),
            ("10 of 12-13, node-4-2211", "10 of 12-13, node-4-2211"),
            ("", ""),
        ] {
            let said = Rich::with_ids(text);
            assert_eq!(said.html().0, html);
            assert_eq!(said.text(), text);
        }
    }
}
