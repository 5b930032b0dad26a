//! The terms of a job, which all processes use, as its stream stores them: one text.
//!
//! `<expression> <zone>|<missed>|<group>`: `missed` is `once`, `skip` or `all:<n>`, and the
//! group is that of `no_overlap`, empty for none. Only the group may contain a `|`. Earlier
//! versions stored expression and zone only.

use std::fmt;

use super::missed::Missed;

/// The parts of such a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms<'t> {
    /// Expression and zone.
    pub(super) schedule: &'t str,
    /// The treatment of missed ticks, and the group; `None` if neither is stored.
    rules: Option<(&'t str, &'t str)>,
}

impl<'t> Terms<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let mut parts = text.splitn(3, '|');
        Self {
            schedule: parts.next().unwrap_or_default(),
            rules: parts.next().zip(parts.next()),
        }
    }

    /// The text of these parts.
    pub(super) fn text(schedule: &str, missed: Missed, no_overlap: Option<&str>) -> String {
        format!("{schedule}|{missed}|{}", no_overlap.unwrap_or_default())
    }

    /// The treatment of missed ticks; `None` if it isn't stored, or is unknown to this
    /// version.
    pub(super) fn missed(&self) -> Option<Missed> {
        self.rules.and_then(|(missed, _)| Missed::read(missed))
    }

    /// The group, empty if ticks may overlap; `None` if it isn't stored.
    pub(super) fn no_overlap(&self) -> Option<&'t str> {
        self.rules.map(|(_, group)| group)
    }
}

/// The form for log lines.
impl fmt::Display for Terms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.schedule)?;
        if let Some((missed, _)) = self.rules {
            write!(f, ", missed: {missed}")?;
        }
        match self.no_overlap() {
            None | Some("") => Ok(()),
            Some(group) => write!(f, ", no overlap in {group}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_read_back_as_they_were_written() {
        for missed in [Missed::Once, Missed::Skip, Missed::All(7)] {
            for group in ["", "makers", "a|b c\n|"] {
                let known = Some(group).filter(|group| !group.is_empty());
                let text = Terms::text("0 3 * * mon-fri Asia/Tokyo", missed, known);
                let terms = Terms::of(&text);
                assert_eq!(terms.schedule, "0 3 * * mon-fri Asia/Tokyo");
                assert_eq!(terms.missed(), Some(missed), "{text}");
                assert_eq!(terms.no_overlap(), Some(group), "{text}");
            }
        }
    }

    #[test]
    fn terms_without_rules_and_with_later_ones_are_read() {
        let earlier = Terms::of("@daily UTC");
        assert_eq!((earlier.missed(), earlier.no_overlap()), (None, None));
        assert_eq!(earlier.to_string(), "@daily UTC");
        let later = Terms::of("@daily UTC|newest:3|makers");
        assert_eq!((later.missed(), later.no_overlap()), (None, Some("makers")));
        let told = "@daily UTC, missed: newest:3, no overlap in makers";
        assert_eq!(later.to_string(), told);
    }
}
