//! Selections of dead letters, and changes of fields in a redrive.

use super::dead_kind::DeadKind;
use crate::command::{DeadMark, FieldEdit};
use crate::error::{Error, ErrorKind, Result};
use crate::message::{EntryId, RESERVED, RawMessage};

/// A selection of dead letters: all of them, unless a setter restricts it.
///
/// # Examples
///
/// ```
/// use stream_lib::{DeadFilter, DeadReason};
///
/// let undecodable = DeadFilter::new().reason(DeadReason::Undecodable.as_str());
/// let few = undecodable.clone().limit(10);
/// # drop((undecodable, few));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadFilter {
    pub(super) from: EntryId,
    pub(super) until: EntryId,
    group: Option<String>,
    reason: Option<String>,
    error: Option<String>,
    pub(super) limit: usize,
}

impl DeadFilter {
    /// All dead letters.
    pub const fn new() -> Self {
        Self {
            from: EntryId::MIN,
            until: EntryId::MAX,
            group: None,
            reason: None,
            error: None,
            limit: usize::MAX,
        }
    }

    /// Only dead letters with this id or a later one. Defaults to the oldest.
    #[must_use]
    pub const fn from(mut self, id: EntryId) -> Self {
        self.from = id;
        self
    }

    /// Only dead letters with this id or an earlier one, so that later arrivals are left
    /// alone. The id is compared in each partition. Defaults to the newest.
    #[must_use]
    pub const fn until(mut self, id: EntryId) -> Self {
        self.until = id;
        self
    }

    /// Only dead letters of this group. Defaults to all groups.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Only dead letters with this reason, in the words of
    /// [`DeadLetter::reason`](crate::DeadLetter::reason). Defaults to all.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Only dead letters of this kind: the same reason, and the same error except for
    /// numbers and ids. Defaults to all.
    #[must_use]
    pub fn kind(mut self, kind: &DeadKind) -> Self {
        self.reason = Some(kind.reason.clone());
        self.error = Some(kind.error.clone());
        self
    }

    /// Only dead letters with this error, in which `#` stands for numbers and ids, as in
    /// [`DeadKind::error`]. Defaults to all.
    #[must_use]
    pub fn error(mut self, error: impl Into<String>) -> Self {
        self.error = Some(error.into());
        self
    }

    /// At most `limit` dead letters, the oldest first. Defaults to all.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn admits(&self, mark: &DeadMark) -> bool {
        let is = |wanted: &Option<String>, text: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == text)
        };
        is(&self.group, &mark.group)
            && is(&self.reason, &mark.reason)
            && (self.error.is_none() || is(&self.error, &DeadKind::error_of(&mark.error)))
    }
}

impl Default for DeadFilter {
    fn default() -> Self {
        Self::new()
    }
}

/// Changes of fields in dead letters that are put back into the stream. `Debug` shows no
/// values.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct FieldEdits(Vec<FieldEdit>);

impl FieldEdits {
    /// No changes.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Sets a field to this value, in the place of the first field of that name, or at
    /// the end.
    #[must_use]
    pub fn set(self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.with(name.as_ref(), Some(value.as_ref().to_vec()))
    }

    /// Leaves out all fields of this name.
    #[must_use]
    pub fn remove(self, name: impl AsRef<[u8]>) -> Self {
        self.with(name.as_ref(), None)
    }

    /// Whether there is no change.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn with(mut self, name: &[u8], value: Option<Vec<u8>>) -> Self {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_vec(), value));
        self
    }

    /// Returns the message with the changes.
    pub fn applied_to(&self, message: &RawMessage) -> RawMessage {
        let mut placed: Vec<&[u8]> = Vec::new();
        let mut edited = RawMessage::new();
        for (name, value) in message.iter() {
            match self.0.iter().find(|(known, _)| known == name) {
                None => edited.push(name, value),
                Some((_, Some(value))) if !placed.contains(&name) => {
                    edited.push(name, value);
                    placed.push(name);
                }
                Some(_) => {}
            }
        }
        for (name, value) in &self.0 {
            if let Some(value) = value
                && !placed.contains(&name.as_slice())
            {
                edited.push(name, value);
            }
        }
        edited
    }

    /// # Errors
    ///
    /// `Config` for a name that is reserved, or too many changes.
    pub(super) fn checked(&self) -> Result<&[FieldEdit]> {
        let is_reserved = |(name, _): &&FieldEdit| name.first() == Some(&RESERVED);
        if let Some((name, _)) = self.0.iter().find(is_reserved) {
            let name = name.escape_ascii();
            let text = format!("the field `{name}` is the library's own, and can't be changed");
            return Err(Error::new(ErrorKind::Config, text));
        }
        if self.0.len() > 1_000 {
            let text = "more than 1000 fields are to be changed; an entry has no more";
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(&self.0)
    }
}

impl std::fmt::Debug for FieldEdits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self
            .0
            .iter()
            .map(|(name, _)| name.escape_ascii().to_string());
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_fields_stand_where_they_stood() {
        let edits = FieldEdits::new()
            .set("b", "0")
            .set("b", "9")
            .remove("c")
            .set("z", "1");
        let message = RawMessage::new()
            .with("a", "1")
            .with("b", "2")
            .with("c", "3")
            .with("b", "4")
            .with("d", "5");
        let expected = RawMessage::new()
            .with("a", "1")
            .with("b", "9")
            .with("d", "5")
            .with("z", "1");
        assert_eq!(edits.applied_to(&message), expected);
        assert!(!format!("{edits:?}").contains('9'));
        assert!(FieldEdits::new().set("~for", "x").checked().is_err());
    }
}
