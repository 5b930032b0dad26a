//! A number with its noun, in texts.

use std::fmt;

/// A number with its noun: `1 entry`, `2 entries`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    count: u64,
    one: &'static str,
    many: &'static str,
}

/// A number that is shown with the noun for one, or for any other number.
pub(crate) fn counted(count: impl TryInto<u64>, one: &'static str, many: &'static str) -> Counted {
    let count = count.try_into().unwrap_or(u64::MAX);
    Counted { count, one, many }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { self.one } else { self.many };
        write!(f, "{} {noun}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_a_noun_of_its_own() {
        let entries = |count: usize| counted(count, "entry", "entries").to_string();
        assert_eq!(
            [0, 1, 2].map(entries),
            ["0 entries", "1 entry", "2 entries"]
        );
    }
}
