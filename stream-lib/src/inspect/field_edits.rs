//! Changes of fields in a redrive.

use crate::command::FieldEdit;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{RESERVED, RawMessage};

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
