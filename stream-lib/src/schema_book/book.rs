//! The message types of one manager, and their streams.
//!
//! Each derived type is stored with its stream once when a producer or a consumer of it
//! is created, and looked after every hour, so that its last time shows whether any
//! process still has it; a type with sensitive fields every minute. The cleaner's thread
//! does this, and only tools suffer from a failure. A caller waits for it only before the
//! first message of a type with sensitive fields, which doesn't go without.

use std::error::Error as StdError;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{
    NewEvent, NotedSchema, SEEN_FOR, SchemaRole, StreamEventKind, note_schema, tell_event,
};
use crate::connection::{ServerError, Topology, Wire};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::message::schema::SchemaText;
use crate::runtime::Nudge;

/// The types of one manager.
#[derive(Debug)]
pub(crate) struct SchemaBook {
    topology: Arc<Topology>,
    program: String,
    notes: Mutex<Vec<Note>>,
    /// Held while a schema is stored.
    telling: Mutex<()>,
    /// Wakes the thread that does the work.
    bell: OnceLock<Nudge>,
}

#[derive(Debug)]
struct Note {
    keys: StreamKeys,
    form: Form,
    role: SchemaRole,
    /// `None` after giving up, and for a kept type that is stored.
    due: Option<Instant>,
    /// Whether it was stored once, or given up.
    is_settled: bool,
    /// Its failure has been logged.
    is_told: bool,
}

/// A type, as this process knows it.
#[derive(Debug, Clone)]
enum Form {
    /// It has the type.
    Own(&'static Schema),
    /// An earlier life of a spool has kept it: a type with sensitive fields.
    Kept(Arc<SchemaText>),
}

/// The time until a failed note is tried again.
const AGAIN: Duration = Duration::from_secs(60);

/// The same for a type with sensitive fields that is not stored yet.
const SOON: Duration = Duration::from_secs(1);

/// How long one may take to find its server.
const WAIT: Duration = Duration::from_secs(2);

impl SchemaBook {
    pub(crate) fn new(topology: Arc<Topology>, program: String) -> Self {
        Self {
            topology,
            program,
            notes: Mutex::default(),
            telling: Mutex::default(),
            bell: OnceLock::new(),
        }
    }

    /// Sets the thread to wake when there is work.
    pub(crate) fn wake(&self, bell: Nudge) {
        // There is one such thread.
        let _ = self.bell.set(bell);
    }

    /// Has the type of a producer or a consumer of the stream stored soon, unless it is
    /// written by hand. Returns whether [`store_first`](Self::store_first) has to come
    /// before its messages.
    pub(crate) fn note(
        &self,
        keys: &StreamKeys,
        schema: &'static Schema,
        role: SchemaRole,
    ) -> bool {
        if !schema.derived {
            return false;
        }
        let mut notes = self.notes.lock();
        let known = notes.iter().find(|note| {
            let is_same = match note.form {
                Form::Own(known) => ptr::eq(known, schema) || *known == *schema,
                Form::Kept(_) => false,
            };
            is_same && note.role == role && note.keys.stream() == keys.stream()
        });
        if let Some(note) = known {
            return note.goes_first();
        }
        let note = Note::new(keys, Form::Own(schema), role);
        let goes_first = note.goes_first();
        notes.push(note);
        drop(notes);
        self.ring();
        goes_first
    }

    /// As [`note`](Self::note), for a type with sensitive fields whose messages are left
    /// of an earlier life of a producer. It is stored once.
    pub(crate) fn note_kept(&self, keys: &StreamKeys, text: SchemaText) {
        let note = Note::new(keys, Form::Kept(Arc::new(text)), SchemaRole::Producer);
        self.notes.lock().push(note);
        self.ring();
    }

    /// The types of the stream's messages that have sensitive fields.
    pub(crate) fn sensitive(&self, keys: &StreamKeys) -> Vec<SchemaText> {
        let notes = self.notes.lock();
        let of_stream = notes.iter().filter(|note| note.is_of_messages(keys));
        let sensitive = of_stream.filter(|note| note.form.is_sensitive());
        sensitive.map(|note| note.form.text()).collect()
    }

    /// Stores the types of the stream's messages that have sensitive fields and are not
    /// stored yet. Nothing is left to do for one that Redis refuses for good.
    ///
    /// # Blocking
    ///
    /// For at most `patience`.
    ///
    /// # Errors
    ///
    /// Those by which a message would fail now, too.
    pub(crate) fn store_first(&self, keys: &StreamKeys, patience: Duration) -> Result<()> {
        let end = Instant::now().checked_add(patience);
        let left = || {
            end.map_or(patience, |end| {
                end.saturating_duration_since(Instant::now())
            })
        };
        let waits = |note: &Note| note.goes_first() && note.is_of_messages(keys);
        while self.notes.lock().iter().any(waits) {
            let Some(_telling) = self.telling.try_lock_for(left()) else {
                let text = "the message's type with sensitive fields is not stored yet";
                return Err(Error::new(ErrorKind::Unavailable, text));
            };
            // Another thread may have stored it meanwhile.
            if let Some(Err(e)) = self.store(waits, left(), end, |_| {}) {
                return Err(e);
            }
        }
        Ok(())
    }

    /// Forgets a stream that this process doesn't use any more.
    pub(crate) fn forget(&self, stream: &str) {
        self.notes
            .lock()
            .retain(|note| note.keys.stream() != stream);
    }

    /// Waits briefly until no schema is being stored. Forgotten ones are not stored
    /// afterwards.
    pub(crate) fn settle(&self) {
        drop(self.telling.try_lock_for(WAIT));
    }

    /// The time of the next work.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.notes.lock().iter().filter_map(|note| note.due).min()
    }

    /// Stores the next schema that is due; `watch` gets its connection, which may be cut.
    /// Returns whether one was due.
    pub(crate) fn work(&self, now: Instant, watch: impl FnMut(&Wire)) -> bool {
        let _telling = self.telling.lock();
        let is_due = |note: &Note| note.due.is_some_and(|due| due <= now);
        self.store(is_due, WAIT, None, watch).is_some()
    }

    /// Stores the first schema that `picks` holds for; `watch` gets its connection.
    /// `None` if there was none; the error of one that goes first and has to wait. The
    /// caller holds `telling`.
    fn store(
        &self,
        picks: impl Fn(&Note) -> bool,
        patience: Duration,
        deadline: Option<Instant>,
        mut watch: impl FnMut(&Wire),
    ) -> Option<Result<()>> {
        let (keys, form, role) = {
            let mut notes = self.notes.lock();
            let note = notes.iter_mut().find(|note| picks(note))?;
            note.due = Some(Instant::now() + AGAIN);
            (note.keys.clone(), note.form.clone(), note.role)
        };
        let SchemaText { fingerprint, body } = form.text();
        let noted = NotedSchema {
            fingerprint: &fingerprint,
            body: &body,
            role,
            program: &self.program,
        };
        let key = keys.stream().as_bytes();
        let outcome = self.topology.run(key, patience, |wire| {
            watch(wire);
            if let Some(deadline) = deadline {
                wire.answer_by(deadline);
            }
            if note_schema(wire, &keys, &noted)? {
                let text = format!("{} {fingerprint}, of {}", form.name(), self.program);
                tell_event(wire, &keys, &changed(text));
            }
            Ok(())
        });
        let mut notes = self.notes.lock();
        let is_it = |note: &&mut Note| {
            let is_same = note.form.is(&form) && note.role == role;
            is_same && note.keys.stream() == keys.stream()
        };
        let waits = notes.iter_mut().find(is_it).is_some_and(|note| {
            note.done(outcome.as_ref().err());
            note.goes_first()
        });
        drop(notes);
        Some(match outcome {
            // Nothing was written but the schema, if that.
            Err(e) if waits && e.kind() == ErrorKind::OutcomeUnknown => {
                Err(e.of_kind(ErrorKind::Unavailable))
            }
            Err(e) if waits => Err(e),
            _ => Ok(()),
        })
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell.nudge();
        }
    }
}

impl Form {
    fn name(&self) -> String {
        match self {
            Self::Own(schema) => schema.name.to_owned(),
            Self::Kept(text) => text.name(),
        }
    }

    fn is_sensitive(&self) -> bool {
        match self {
            Self::Own(schema) => schema.has_sensitive_fields(),
            Self::Kept(_) => true,
        }
    }

    fn text(&self) -> SchemaText {
        match self {
            Self::Own(schema) => SchemaText::of(schema),
            Self::Kept(text) => SchemaText::clone(text),
        }
    }

    /// Whether it is the form of the same note.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Own(one), Self::Own(other)) => ptr::eq(*one, *other),
            (Self::Kept(one), Self::Kept(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Note {
    fn new(keys: &StreamKeys, form: Form, role: SchemaRole) -> Self {
        Self {
            keys: keys.without_backup(),
            form,
            role,
            due: Some(Instant::now()),
            is_settled: false,
            is_told: false,
        }
    }

    /// Whether it is of messages that this process writes to the stream.
    fn is_of_messages(&self, keys: &StreamKeys) -> bool {
        self.role == SchemaRole::Producer && self.keys.stream() == keys.stream()
    }

    /// Whether it has to be stored before messages of the type are written.
    fn goes_first(&self) -> bool {
        !self.is_settled && self.role == SchemaRole::Producer && self.form.is_sensitive()
    }

    fn done(&mut self, error: Option<&Error>) {
        let Some(error) = error else {
            self.is_told = false;
            self.is_settled = true;
            let wait = match self.form {
                Form::Kept(_) => None,
                // The key may be deleted with the stream, or lost with its server.
                Form::Own(schema) if schema.has_sensitive_fields() => Some(AGAIN),
                Form::Own(_) => Some(SEEN_FOR + AGAIN),
            };
            self.due = wait.map(|wait| Instant::now() + wait);
            return;
        };
        // These failures don't pass for this user and server.
        let is_final = matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Server
        );
        let is_sensitive = self.form.is_sensitive();
        if is_final {
            self.due = None;
        } else if is_sensitive && self.role == SchemaRole::Producer {
            self.due = Some(Instant::now() + SOON);
        }
        let is_given_up = !self.is_settled && !holds_messages_up(error);
        self.is_settled |= is_given_up;
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

/// Whether messages would fail by this error, too: then they wait for their type.
fn holds_messages_up(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable
        | ErrorKind::Refused
        | ErrorKind::Authentication
        | ErrorKind::Closed => true,
        // Not by a line of a proxy, which may refuse this request and no other.
        ErrorKind::OutcomeUnknown => !error
            .source()
            .is_some_and(<dyn StdError>::is::<ServerError>),
        _ => false,
    }
}

/// The event for a form of messages that is new to the stream.
fn changed(text: String) -> NewEvent {
    NewEvent {
        kind: StreamEventKind::SchemaChanged,
        group: String::new(),
        consumer: String::new(),
        count: 1,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{FieldSchema, FieldType};

    static CARD: Schema = Schema {
        derived: true,
        ..Schema::new("Card").with_fields(&[FieldSchema::new("pin", FieldType::Text).sensitive()])
    };
    static ORDER: Schema = Schema {
        derived: true,
        ..Schema::new("Order").with_fields(&[FieldSchema::new("id", FieldType::Text)])
    };

    fn note(schema: &'static Schema, role: SchemaRole) -> Note {
        Note::new(&StreamKeys::new("cards").unwrap(), Form::Own(schema), role)
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
        card.done(Some(&away));
        order.done(Some(&away));
        assert!(card.goes_first());
        assert!(wait(&card) <= Some(SOON) && wait(&card) > Some(SOON / 2));
        assert_eq!(order.due, before, "`work` has set it");
        card.done(None);
        order.done(None);
        assert!(!card.goes_first());
        assert!(wait(&card) <= Some(AGAIN) && wait(&order) > Some(SEEN_FOR));
    }

    #[cfg(feature = "spool")]
    #[test]
    fn kept_types_are_stored_once() {
        let text = Arc::new(SchemaText::of(&CARD));
        let keys = StreamKeys::new("cards").unwrap();
        let mut kept = Note::new(&keys, Form::Kept(text), SchemaRole::Producer);
        assert!(kept.goes_first() && kept.form.name() == "Card");
        kept.done(Some(&Error::new(ErrorKind::Unavailable, "away")));
        assert!(kept.goes_first() && wait(&kept) <= Some(SOON));
        kept.done(None);
        assert!(!kept.goes_first() && kept.due.is_none());
    }

    #[test]
    fn types_wait_for_what_messages_wait_for() {
        let line = |line: &[u8]| ServerError::new(line).into_error();
        let refusal = line(b"OOM command not allowed when used memory > 'maxmemory'.");
        let lost = Error::new(ErrorKind::OutcomeUnknown, "the connection was lost");
        for error in [refusal, lost, Error::new(ErrorKind::Unavailable, "away")] {
            let mut card = note(&CARD, SchemaRole::Producer);
            card.done(Some(&error));
            assert!(card.goes_first(), "{error}");
        }
        let denied = line(b"NOPERM this user has no permissions");
        let proxy = line(b"upstream failure");
        for (error, is_final) in [(denied, true), (proxy, false)] {
            let mut card = note(&CARD, SchemaRole::Producer);
            card.done(Some(&error));
            assert!(!card.goes_first(), "{error}");
            assert_eq!(card.due.is_none(), is_final, "{error}");
        }
    }
}
