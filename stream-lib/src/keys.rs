//! The keys of a stream: all in the slot of the stream itself.

use crate::error::{Error, ErrorKind, Result};

/// A stream's own key and those derived from it.
///
/// `orders` has `{orders}:dead` and its kin; a name that carries a hash tag
/// (`{shop}:orders`) gets the suffix appended. Either way Redis Cluster puts
/// them into one slot, so one script may touch them all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StreamKeys {
    stream: String,
    stem: String,
}

impl StreamKeys {
    pub(crate) fn new(stream: &str) -> Result<Self> {
        let stem = match braces(stream) {
            Braces::None => format!("{{{stream}}}"),
            Braces::Tag => stream.to_owned(),
            Braces::Stray => {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!(
                        "stream name `{stream}` has a stray or empty pair of braces: \
                         use none, or one hash tag with text in it, such as `{{shop}}:orders`"
                    ),
                ));
            }
        };
        if stream.is_empty() {
            return Err(Error::new(ErrorKind::Config, "a stream name is empty"));
        }
        Ok(Self {
            stream: stream.to_owned(),
            stem,
        })
    }

    pub(crate) fn stream(&self) -> &str {
        &self.stream
    }

    /// Where a backup producer puts what the stream has no room for.
    pub(crate) fn backup(&self) -> String {
        format!("{}:backup", self.stem)
    }

    /// The dead letters: a stream.
    pub(crate) fn dead(&self) -> String {
        format!("{}:dead", self.stem)
    }

    /// When each entry of `~waiting` in `group` is due: a sorted set.
    pub(crate) fn waiting(&self, group: &str) -> String {
        format!("{}:waiting:{group}", self.stem)
    }

    /// A lock that one process holds at a time, for `what`.
    pub(crate) fn lock(&self, what: &str) -> String {
        format!("{}:lock:{what}", self.stem)
    }

    /// What processes tell each other about the stream: a hash.
    pub(crate) fn meta(&self) -> String {
        format!("{}:meta", self.stem)
    }
}

enum Braces {
    None,
    Tag,
    Stray,
}

fn braces(name: &str) -> Braces {
    match (name.find('{'), name.find('}')) {
        (None, None) => Braces::None,
        (Some(open), Some(close))
            if open + 1 < close
                && name.matches('{').count() == 1
                && name.matches('}').count() == 1 =>
        {
            Braces::Tag
        }
        _ => Braces::Stray,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_keys_share_the_slot_of_the_stream() {
        let plain = StreamKeys::new("orders").unwrap();
        assert_eq!(plain.stream(), "orders");
        assert_eq!(plain.dead(), "{orders}:dead");
        assert_eq!(plain.waiting("g"), "{orders}:waiting:g");
        let tagged = StreamKeys::new("{shop}:orders").unwrap();
        assert_eq!(tagged.backup(), "{shop}:orders:backup");
        assert_eq!(tagged.meta(), "{shop}:orders:meta");
    }

    #[test]
    fn stray_and_empty_braces_are_refused() {
        for name in ["", "{}", "{}x", "a{b", "a}b", "}a{", "{a}{b}", "{{a}}"] {
            assert!(StreamKeys::new(name).is_err(), "{name}");
        }
    }
}
