//! Names of things in plans.

use crate::words::shown;

/// A name in backticks.
pub(super) fn named(name: &str) -> String {
    format!("`{}`", shown(name.as_bytes()))
}

/// A group of a stream.
pub(super) fn group_of(stream: &str, group: &str) -> String {
    format!("the group {} of {}", named(group), named(stream))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_with_and() {
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(listed(&words), "a, b and c");
        assert_eq!(listed(&words[..1]), "a");
        assert_eq!(group_of("s", "g\n"), "the group `g\\n` of `s`");
    }
}
