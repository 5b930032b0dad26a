//! The message types of one manager, and their streams.
//!
//! Each derived type is stored with its stream once when a producer or a consumer of it
//! is created, and looked after every hour, so that its last time shows whether any
//! process still has it; a type with sensitive fields every minute. The cleaner's thread does this, and only tools suffer from a failure. A
//! caller waits for it only before the first message of a type with sensitive fields.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::{
    NewEvent, NotedSchema, SEEN_FOR, SchemaRole, StreamEventKind, note_schema, tell_event,
};
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, with_causes};
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::message::schema::told;
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
    schema: &'static Schema,
    role: SchemaRole,
    /// `None` after giving up.
    due: Option<Instant>,
    state: State,
    /// Its failure has been logged.
    is_told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    /// The first try has failed.
    Tried,
    /// Stored once, or given up.
    Settled,
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
            let is_same = std::ptr::eq(note.schema, schema) || *note.schema == *schema;
            is_same && note.role == role && note.keys.stream() == keys.stream()
        });
        if let Some(note) = known {
            return note.goes_first();
        }
        let note = Note {
            keys: keys.without_backup(),
            schema,
            role,
            due: Some(Instant::now()),
            state: State::New,
            is_told: false,
        };
        let goes_first = note.goes_first();
        notes.push(note);
        drop(notes);
        if let Some(bell) = self.bell.get() {
            bell.nudge();
        }
        goes_first
    }

    /// Stores the types of the stream's messages that have sensitive fields and are not
    /// stored yet. Returns whether none is left, or Redis refuses them for good.
    ///
    /// # Blocking
    ///
    /// For at most `patience`, or two seconds; not at all after a failure, since the book
    /// tries again by itself.
    pub(crate) fn store_first(&self, keys: &StreamKeys, patience: Duration) -> bool {
        let end = Instant::now() + patience.min(WAIT);
        let left = || end.saturating_duration_since(Instant::now());
        let waits = |note: &Note| note.goes_first() && note.keys.stream() == keys.stream();
        let is_new = |note: &Note| waits(note) && note.state == State::New;
        while self.notes.lock().iter().any(is_new) {
            let Some(_telling) = self.telling.try_lock_for(left()) else {
                return false;
            };
            // Another thread may have stored it meanwhile.
            self.store(is_new, left(), |_| {});
        }
        !self.notes.lock().iter().any(waits)
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
        self.store(is_due, WAIT, watch)
    }

    /// Stores the first schema that `picks` holds for; `watch` gets its connection.
    /// Returns whether there was one. The caller holds `telling`.
    fn store(
        &self,
        picks: impl Fn(&Note) -> bool,
        patience: Duration,
        mut watch: impl FnMut(&Wire),
    ) -> bool {
        let (keys, schema, role) = {
            let mut notes = self.notes.lock();
            let Some(note) = notes.iter_mut().find(|note| picks(note)) else {
                return false;
            };
            note.due = Some(Instant::now() + AGAIN);
            (note.keys.clone(), note.schema, note.role)
        };
        let (fingerprint, body) = told(schema);
        let noted = NotedSchema {
            fingerprint: &fingerprint,
            body: &body,
            role,
            program: &self.program,
        };
        let key = keys.stream().as_bytes();
        let outcome = self.topology.run(key, patience, |wire| {
            watch(wire);
            if note_schema(wire, &keys, &noted)? {
                let text = format!("{} {fingerprint}, of {}", schema.name, self.program);
                tell_event(wire, &keys, &changed(text));
            }
            Ok(())
        });
        let mut notes = self.notes.lock();
        let is_it = |note: &&mut Note| {
            let is_same = std::ptr::eq(note.schema, schema) && note.role == role;
            is_same && note.keys.stream() == keys.stream()
        };
        if let Some(note) = notes.iter_mut().find(is_it) {
            note.done(outcome.err().as_ref());
        }
        true
    }
}

impl Note {
    /// Whether it has to be stored before messages of the type are written.
    fn goes_first(&self) -> bool {
        let is_open = self.state != State::Settled && self.role == SchemaRole::Producer;
        is_open && self.schema.has_sensitive_fields()
    }

    fn done(&mut self, error: Option<&Error>) {
        let Some(error) = error else {
            self.is_told = false;
            self.state = State::Settled;
            // The key may be deleted with the stream, or lost with its server.
            let wait = if self.schema.has_sensitive_fields() {
                AGAIN
            } else {
                SEEN_FOR + AGAIN
            };
            self.due = Some(Instant::now() + wait);
            return;
        };
        // These failures don't pass for this user and server.
        let is_final = matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Server
        );
        if self.goes_first() {
            self.state = State::Tried;
            self.due = Some(Instant::now() + SOON);
        }
        if is_final {
            self.state = State::Settled;
            self.due = None;
        }
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (name, stream) = (self.schema.name, self.keys.stream());
        if is_final && self.schema.has_sensitive_fields() {
            log::warn!(
                "the schema of `{name}` could not be stored in `{}`: tools show the values of its \
                 sensitive fields: {}",
                self.keys.schema(),
                with_causes(error)
            );
            return;
        }
        log::debug!(
            "the schema of `{name}` was not stored with `{stream}`, so tools don't know it: {}",
            with_causes(error)
        );
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
        Note {
            keys: StreamKeys::new("cards").unwrap(),
            schema,
            role,
            due: None,
            state: State::New,
            is_told: false,
        }
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
        let away = Error::new(ErrorKind::Unavailable, "away");
        card.done(Some(&away));
        order.done(Some(&away));
        assert!(card.goes_first() && card.state == State::Tried);
        assert!(wait(&card) <= Some(SOON));
        assert_eq!(order.due, None, "`work` has set it");
        card.done(None);
        order.done(None);
        assert!(!card.goes_first());
        assert!(wait(&card) <= Some(AGAIN) && wait(&order) > Some(SEEN_FOR));
    }

    #[test]
    fn refused_types_hold_nothing_up() {
        let mut card = note(&CARD, SchemaRole::Producer);
        card.done(Some(&Error::new(ErrorKind::PermissionDenied, "no")));
        assert!(!card.goes_first() && card.due.is_none());
    }
}
