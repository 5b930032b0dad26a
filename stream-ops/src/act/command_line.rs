//! Command lines for the audit.

use crate::words::{quoted, shown};

/// Flags whose values may hold credentials.
const SECRET: [&str; 1] = ["--url"];

/// Flags whose values belong to messages.
const PAYLOAD: [&str; 4] = ["--set", "--header", "--key", "--idempotency-key"];

/// The words of a command line without secrets and values: `amount=12` becomes
/// `amount=…`, and an address becomes `…`.
pub fn without_values(words: impl IntoIterator<Item = String>) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next_is = Word::Plain;
    for word in words {
        let (flag, value) = match word.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value)),
            _ => (word.as_str(), None),
        };
        let kind = Word::of(flag);
        let hidden = match (next_is, kind, value) {
            (Word::Plain, Word::Secret, Some(_)) => format!("{flag}=…"),
            (Word::Plain, Word::Payload, Some(value)) => format!("{flag}={}", name_of(value)),
            (Word::Secret, ..) => "…".to_owned(),
            (Word::Payload, ..) => name_of(&word),
            (Word::Plain, Word::Plain, None) if word.contains('=') => name_of(&word),
            (Word::Plain, ..) if is_address(&word) => "…".to_owned(),
            (Word::Plain, ..) => quoted(&shown(word.as_bytes())),
        };
        next_is = match (next_is, value) {
            (Word::Plain, None) => kind,
            _ => Word::Plain,
        };
        said.push(hidden);
    }
    said.join(" ")
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Plain,
    Secret,
    Payload,
}

impl Word {
    fn of(flag: &str) -> Self {
        if SECRET.contains(&flag) {
            Self::Secret
        } else if PAYLOAD.contains(&flag) {
            Self::Payload
        } else {
            Self::Plain
        }
    }
}

/// `name=…`.
fn name_of(word: &str) -> String {
    match word.split_once('=') {
        Some((name, _)) => format!("{}=…", quoted(&shown(name.as_bytes()))),
        None => "…".to_owned(),
    }
}

fn is_address(word: &str) -> bool {
    word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_addresses_are_left_out() {
        for (line, said) in [
            (
                "streamctl dlq redrive orders --yes",
                "streamctl dlq redrive orders --yes",
            ),
            (
                "streamctl --url redis://:secret@host dlq rm orders --limit=5",
                "streamctl --url … dlq rm orders --limit=5",
            ),
            ("--url=redis://:secret@host x", "--url=… x"),
            (
                "redrive --set pin=1234 --group g",
                "redrive --set pin=… --group g",
            ),
            ("redrive --set=pin=1234", "redrive --set=pin=…"),
            (
                "send orders pin=1234 --key k1 --header a=b",
                "send orders pin=… --key … --header a=…",
            ),
        ] {
            let words = line.split(' ').map(str::to_owned);
            assert_eq!(without_values(words), said);
        }
        let words = ["--kind".to_owned(), "a b\u{1b}".to_owned()];
        assert_eq!(without_values(words), "--kind 'a b\\x1b'");
    }
}
