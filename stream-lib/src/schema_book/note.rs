//! One noted type: when it is stored, and whether messages wait for it.

use std::error::Error as StdError;
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::command::{SEEN_FOR, SchemaRole};
use crate::connection::ServerError;
use crate::error::{Error, ErrorKind, with_causes};
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::message::schema::SchemaText;

/// A type of messages that this process writes to a stream, or reads from it.
#[derive(Debug)]
pub(super) struct Note {
    /// Of the book's notes this one alone has it.
    pub(super) number: u64,
    pub(super) keys: StreamKeys,
    pub(super) form: Form,
    pub(super) role: SchemaRole,
    /// When it is stored next; `None` after giving up for good.
    pub(super) due: Option<Instant>,
    /// Whether messages needn't wait for it: it was stored once, or given up.
    is_settled: bool,
    /// Whether nothing in this process uses it any more, as far as is known.
    is_left: bool,
    /// The time until it is tried again, while it was never stored.
    again: Duration,
    /// Its failure has been logged.
    is_told: bool,
}

/// A type, as this process knows it.
#[derive(Debug, Clone)]
pub(super) enum Form {
    /// It has the type.
    Own(&'static Schema),
    /// An earlier life of a spool has kept it: a type with sensitive fields.
    Kept(Arc<SchemaText>),
}

/// The time until a failed note is tried again.
pub(super) const AGAIN: Duration = Duration::from_secs(60);

/// The same for a type with sensitive fields that is not stored yet.
pub(super) const SOON: Duration = Duration::from_secs(1);

impl Form {
    pub(super) fn name(&self) -> String {
        match self {
            Self::Own(schema) => schema.name.to_owned(),
            Self::Kept(text) => text.name(),
        }
    }

    pub(super) fn is_sensitive(&self) -> bool {
        match self {
            Self::Own(schema) => schema.has_sensitive_fields(),
            Self::Kept(_) => true,
        }
    }

    pub(super) fn text(&self) -> SchemaText {
        match self {
            Self::Own(schema) => SchemaText::of(schema),
            Self::Kept(text) => SchemaText::clone(text),
        }
    }

    /// Whether this process has it as this type.
    pub(super) fn is_of(&self, schema: &'static Schema) -> bool {
        match self {
            Self::Own(known) => ptr::eq(*known, schema) || **known == *schema,
            Self::Kept(_) => false,
        }
    }

    /// Whether it is this kept type.
    pub(super) fn keeps(&self, text: &SchemaText) -> bool {
        matches!(self, Self::Kept(kept) if **kept == *text)
    }
}

impl Note {
    pub(super) fn new(number: u64, keys: &StreamKeys, form: Form, role: SchemaRole) -> Self {
        Self {
            number,
            keys: keys.without_backup(),
            form,
            role,
            due: Some(Instant::now()),
            is_settled: false,
            is_left: false,
            again: SOON,
            is_told: false,
        }
    }

    /// Whether nothing is left to do for it.
    pub(super) fn is_over(&self) -> bool {
        self.is_settled && (self.is_left || matches!(self.form, Form::Kept(_)))
    }

    /// Whether it is of messages that this process writes to the stream.
    pub(super) fn is_of_messages(&self, keys: &StreamKeys) -> bool {
        self.role == SchemaRole::Producer && self.keys.stream() == keys.stream()
    }

    /// Whether it has to be stored before messages of the type are written.
    pub(super) fn goes_first(&self) -> bool {
        !self.is_settled && self.role == SchemaRole::Producer && self.form.is_sensitive()
    }

    /// Notes that something in this process uses it.
    pub(super) fn take_up(&mut self) {
        self.is_left = false;
    }

    /// Notes that nothing uses it any more, as far as is known.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }

    /// Notes that it is stored, for now.
    pub(super) fn stored(&mut self) {
        self.is_told = false;
        self.is_settled = true;
        // The key may be deleted with the stream, or lost with its server.
        let wait = if self.form.is_sensitive() {
            AGAIN
        } else {
            SEEN_FOR + AGAIN
        };
        self.again = AGAIN;
        self.due = Some(Instant::now() + wait);
    }

    /// Notes a failure; `was_asked` if there was a connection.
    pub(super) fn failed(&mut self, error: &Error, was_asked: bool) {
        let is_sensitive = self.form.is_sensitive();
        let is_given_up = !self.is_settled && was_asked && !holds_messages_up(error);
        self.is_settled |= is_given_up;
        if is_sensitive && self.role == SchemaRole::Producer {
            self.due = Some(Instant::now() + self.again);
            if self.is_settled {
                self.again = (self.again * 2).min(AGAIN);
            }
        }
        // These failures don't pass for this user and server.
        let is_final = matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Server
        );
        if was_asked && is_final {
            self.due = None;
        }
        if is_given_up && is_sensitive {
            log::warn!(
                "the schema of `{}` could not be stored in `{}`: tools show the values of its \
                 sensitive fields: {}",
                self.form.name(),
                self.keys.schema(),
                with_causes(error)
            );
        } else if !std::mem::replace(&mut self.is_told, true) {
            log::debug!(
                "the schema of `{}` was not stored with `{}`, so tools don't know it: {}",
                self.form.name(),
                self.keys.stream(),
                with_causes(error)
            );
        }
    }
}

/// Whether messages would fail by this answer, too: then they wait for their type.
fn holds_messages_up(error: &Error) -> bool {
    match error.kind() {
        // A proxy may refuse this request and no other.
        ErrorKind::OutcomeUnknown => !error
            .source()
            .is_some_and(<dyn StdError>::is::<ServerError>),
        ErrorKind::PermissionDenied
        | ErrorKind::WrongType
        | ErrorKind::Server
        | ErrorKind::Encode
        | ErrorKind::Protocol => false,
        _ => true,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::message::{FieldSchema, FieldType};

    pub(in crate::schema_book) static CARD: Schema = Schema {
        derived: true,
        ..Schema::new("Card").with_fields(&[FieldSchema::new("pin", FieldType::Text).sensitive()])
    };
    pub(in crate::schema_book) static ORDER: Schema = Schema {
        derived: true,
        ..Schema::new("Order").with_fields(&[FieldSchema::new("id", FieldType::Text)])
    };

    fn note(schema: &'static Schema, role: SchemaRole) -> Note {
        Note::new(
            0,
            &StreamKeys::new("cards").unwrap(),
            Form::Own(schema),
            role,
        )
    }

    fn wait(note: &Note) -> Option<Duration> {
        note.due.map(|due| due - Instant::now())
    }

    #[test]
    fn only_written_types_with_sensitive_fields_go_first() {
        assert!(note(&CARD, SchemaRole::Producer).goes_first());
        assert!(!note(&CARD, SchemaRole::Consumer).goes_first());
        assert!(!note(&ORDER, SchemaRole::Producer).goes_first());
    }

    #[test]
    fn sensitive_types_are_tried_again_soon_and_looked_after_often() {
        let mut card = note(&CARD, SchemaRole::Producer);
        let mut order = note(&ORDER, SchemaRole::Producer);
        let before = order.due;
        let away = Error::new(ErrorKind::Unavailable, "away");
        card.failed(&away, false);
        order.failed(&away, false);
        assert!(card.goes_first());
        assert!(wait(&card) <= Some(SOON) && wait(&card) > Some(SOON / 2));
        assert_eq!(order.due, before, "`work` has set it");
        card.stored();
        order.stored();
        assert!(!card.goes_first());
        assert!(wait(&card) <= Some(AGAIN) && wait(&order) > Some(SEEN_FOR));
    }

    #[cfg(feature = "spool")]
    #[test]
    fn kept_types_are_stored_once() {
        let text = Arc::new(SchemaText::of(&CARD));
        let keys = StreamKeys::new("cards").unwrap();
        let mut kept = Note::new(0, &keys, Form::Kept(text), SchemaRole::Producer);
        assert!(kept.goes_first() && kept.form.name() == "Card");
        kept.failed(&Error::new(ErrorKind::Unavailable, "away"), false);
        assert!(kept.goes_first() && wait(&kept) <= Some(SOON));
        assert!(!kept.is_over());
        kept.stored();
        assert!(!kept.goes_first() && kept.is_over());
    }

    #[test]
    fn types_wait_for_what_messages_wait_for() {
        let line = |line: &[u8]| ServerError::new(line).into_error();
        let refusal = line(b"OOM command not allowed when used memory > 'maxmemory'.");
        let lost = Error::new(ErrorKind::OutcomeUnknown, "the connection was lost");
        for error in [refusal, lost, Error::new(ErrorKind::Unavailable, "away")] {
            let mut card = note(&CARD, SchemaRole::Producer);
            card.failed(&error, true);
            assert!(card.goes_first(), "{error}");
        }
        let denied = line(b"NOPERM this user has no permissions");
        let proxy = line(b"upstream failure");
        for (error, is_final) in [(denied, true), (proxy, false)] {
            let mut card = note(&CARD, SchemaRole::Producer);
            card.failed(&error, false);
            assert!(
                card.goes_first() && card.due.is_some(),
                "not asked: {error}"
            );
            card.failed(&error, true);
            assert!(!card.goes_first(), "{error}");
            assert_eq!(card.due.is_none(), is_final, "{error}");
        }
    }
}
