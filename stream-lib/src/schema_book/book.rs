//! The message types of one manager, and their streams.
//!
//! Each derived type is stored with its stream once when a producer or a consumer of it
//! is created, and looked after every hour, so that its last time shows whether any
//! process still has it; a type with sensitive fields every minute. The cleaner's thread
//! does this, and only tools suffer from a failure. A caller waits for it only before the
//! first message of a type with sensitive fields, and that message doesn't go until the
//! type is stored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::command::{NewEvent, NotedSchema, SchemaRole, StreamEventKind, note_schema, tell_event};
use crate::connection::{Topology, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::message::schema::SchemaText;
use crate::runtime::Nudge;
use crate::schema_book::note::{AGAIN, Form, Note};

/// The types of one manager.
#[derive(Debug)]
pub(crate) struct SchemaBook {
    topology: Arc<Topology>,
    program: String,
    notes: Mutex<Vec<Note>>,
    /// Shared by those that store a schema.
    telling: RwLock<()>,
    /// Raised when types are forgotten: whoever uses them notes them again.
    life: AtomicU64,
    /// The number of the last note.
    last: AtomicU64,
    /// Wakes the thread that does the work.
    bell: OnceLock<Nudge>,
}

/// How long one may take in the background, and how long a deletion waits for one.
const WAIT: Duration = Duration::from_secs(2);

impl SchemaBook {
    pub(crate) fn new(topology: Arc<Topology>, program: String) -> Self {
        Self {
            topology,
            program,
            notes: Mutex::default(),
            telling: RwLock::default(),
            life: AtomicU64::new(0),
            last: AtomicU64::new(0),
            bell: OnceLock::new(),
        }
    }

    /// Sets the thread to wake when there is work.
    pub(crate) fn wake(&self, bell: Nudge) {
        // There is one such thread.
        let _ = self.bell.set(bell);
    }

    /// The number of the present life: types noted in an earlier one may be forgotten.
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Ordering::Relaxed)
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
        let known = notes.iter_mut().find(|note| {
            note.form.is_of(schema) && note.role == role && note.keys.stream() == keys.stream()
        });
        if let Some(note) = known {
            note.take_up();
        } else {
            notes.push(Note::new(self.number(), keys, Form::Own(schema), role));
            drop(notes);
            self.ring();
        }
        role == SchemaRole::Producer && schema.has_sensitive_fields()
    }

    /// As [`note`](Self::note), for a type with sensitive fields whose messages are left
    /// of an earlier life of a producer. It is stored once.
    pub(crate) fn note_kept(&self, keys: &StreamKeys, text: &SchemaText) {
        let mut notes = self.notes.lock();
        let is_it = |note: &&mut Note| note.form.keeps(text) && note.is_of_messages(keys);
        if let Some(note) = notes.iter_mut().find(is_it) {
            note.take_up();
            return;
        }
        let form = Form::Kept(Arc::new(text.clone()));
        notes.push(Note::new(self.number(), keys, form, SchemaRole::Producer));
        drop(notes);
        self.ring();
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
            let telling = (!left().is_zero()).then(|| self.telling.try_read_for(left()));
            let Some(_telling) = telling.flatten() else {
                let text = "the message's type with sensitive fields is not stored yet";
                return Err(Error::new(ErrorKind::Unavailable, text));
            };
            // Several threads may store the same: none waits for another.
            if let Some(Err(e)) = self.store(waits, left(), |_| {}) {
                // The next try is due sooner than its thread knows.
                self.ring();
                return Err(e);
            }
        }
        Ok(())
    }

    /// Forgets a stream that no producer or consumer of this process uses any more. A type
    /// that messages wait for stays until it is stored: some may be on their way.
    pub(crate) fn forget(&self, stream: &str) {
        self.notes.lock().retain_mut(|note| {
            let is_of_others = note.keys.stream() != stream;
            if !is_of_others {
                note.leave();
            }
            is_of_others || note.goes_first()
        });
        self.life.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets a stream that is about to be deleted, or was, and waits until none of its
    /// schemas is being stored. Whoever writes to it again stores its types again.
    ///
    /// # Blocking
    ///
    /// For two seconds at most.
    pub(crate) fn forget_deleted(&self, stream: &str) {
        let of_others = |note: &Note| note.keys.stream() != stream;
        self.notes.lock().retain(of_others);
        self.life.fetch_add(1, Ordering::Relaxed);
        drop(self.telling.try_write_for(WAIT));
    }

    /// The time of the next work.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.notes.lock().iter().filter_map(|note| note.due).min()
    }

    /// Stores the schema that has been due for longest; `watch` gets its connection, which
    /// may be cut. Returns whether one was due.
    pub(crate) fn work(&self, now: Instant, watch: impl FnMut(&Wire)) -> bool {
        let _telling = self.telling.read();
        let is_due = |note: &Note| note.due.is_some_and(|due| due <= now);
        self.store(is_due, WAIT, watch).is_some()
    }

    /// Stores the schema that `picks` holds for, and has been due for longest, within
    /// `patience`; `watch` gets its connection. `None` if there was none; the error of one
    /// that goes first and has to wait. The caller shares `telling`.
    fn store(
        &self,
        picks: impl Fn(&Note) -> bool,
        patience: Duration,
        mut watch: impl FnMut(&Wire),
    ) -> Option<Result<()>> {
        let (number, keys, form, role) = {
            let mut notes = self.notes.lock();
            let picked = notes.iter_mut().filter(|note| picks(note));
            let note = picked.min_by_key(|note| note.due)?;
            note.due = Some(Instant::now() + AGAIN);
            (note.number, note.keys.clone(), note.form.clone(), note.role)
        };
        let SchemaText { fingerprint, body } = form.text();
        let noted = NotedSchema {
            fingerprint: &fingerprint,
            body: &body,
            role,
            program: &self.program,
        };
        let key = keys.stream().as_bytes();
        let deadline = Instant::now().checked_add(patience);
        let mut was_asked = false;
        let outcome = self.topology.run(key, patience, |wire| {
            if !self.has(number) {
                // Forgotten meanwhile: the stream may be deleted.
                return Ok(());
            }
            was_asked = true;
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
        let place = notes.iter().position(|note| note.number == number);
        let note = place.and_then(|place| notes.get_mut(place));
        let waits = note.is_some_and(|note| {
            match &outcome {
                Ok(()) => note.stored(),
                Err(e) => note.failed(e, was_asked),
            }
            note.goes_first()
        });
        if let Some(place) = place.filter(|place| notes.get(*place).is_some_and(Note::is_over)) {
            notes.swap_remove(place);
        }
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

    fn has(&self, number: u64) -> bool {
        let notes = self.notes.lock();
        notes.iter().any(|note| note.number == number)
    }

    fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed)
    }

    fn ring(&self) {
        if let Some(bell) = self.bell.get() {
            bell.nudge();
        }
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
    use crate::config::ConnectionConfig;
    use crate::schema_book::note::SOON;
    use crate::schema_book::note::tests::{CARD, ORDER};
    use crate::schema_book::types::Types;

    /// A book without a server.
    fn offline() -> Arc<SchemaBook> {
        let config = ConnectionConfig::new("redis+unix:///nowhere/redis.sock").unwrap();
        let topology = Topology::new(&config).unwrap();
        Arc::new(SchemaBook::new(Arc::new(topology), String::new()))
    }

    #[test]
    fn a_type_that_messages_wait_for_is_not_forgotten_with_its_producers() {
        let book = offline();
        let keys = StreamKeys::new("cards").unwrap();
        assert!(book.note(&keys, &CARD, SchemaRole::Producer));
        assert!(!book.note(&keys, &CARD, SchemaRole::Consumer));
        assert!(!book.note(&keys, &ORDER, SchemaRole::Producer));
        book.forget("others");
        assert_eq!(book.notes.lock().len(), 3);
        book.forget("cards");
        let left: Vec<_> = book.notes.lock().iter().map(Note::goes_first).collect();
        assert_eq!(left, [true]);
        let due = book.notes.lock()[0].due;
        let error = book.store_first(&keys, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(book.notes.lock()[0].due, due, "there was no time to try");
        book.notes.lock()[0].stored();
        assert!(book.notes.lock()[0].is_over());
        // Another producer has it.
        book.note(&keys, &CARD, SchemaRole::Producer);
        assert!(!book.notes.lock()[0].is_over());
        book.forget_deleted("cards");
        assert!(book.notes.lock().is_empty());
        book.store_first(&keys, Duration::ZERO).unwrap();
    }

    #[test]
    fn types_are_noted_again_after_they_were_forgotten() {
        let book = offline();
        let types = Types::new(StreamKeys::new("cards").unwrap(), Some(Arc::clone(&book)));
        for schema in [&CARD, &ORDER, &CARD, &ORDER] {
            types.note(schema);
        }
        assert_eq!((types.noted(), book.notes.lock().len()), (1, 2));
        let store = || types.store_first(|| Duration::ZERO);
        assert!(types.are_due() && store().is_err());
        for note in &mut *book.notes.lock() {
            note.stored();
        }
        store().unwrap();
        assert!(!types.are_due());
        book.forget("others");
        store().unwrap();
        assert!(!types.are_due(), "it still has them");
        for forget in [SchemaBook::forget, SchemaBook::forget_deleted] {
            forget(&book, "cards");
            assert!(book.notes.lock().is_empty());
            assert!(types.are_due() && store().is_err());
            assert_eq!(book.notes.lock().len(), 2);
            for note in &mut *book.notes.lock() {
                note.stored();
            }
            store().unwrap();
        }
    }

    #[test]
    fn what_was_due_first_comes_first_and_kept_types_once() {
        let book = offline();
        let keys = StreamKeys::new("cards").unwrap();
        for _ in 0..2 {
            book.note_kept(&keys, &SchemaText::of(&CARD));
        }
        book.note(&keys, &ORDER, SchemaRole::Producer);
        assert_eq!(book.notes.lock().len(), 2);
        let now = Instant::now();
        let due = |at: usize| book.notes.lock()[at].due.unwrap() > now;
        let first = now.checked_sub(SOON).unwrap();
        book.notes.lock()[1].due = Some(first);
        book.store(|_| true, Duration::ZERO, |_| {})
            .unwrap()
            .unwrap();
        assert!(due(1) && !due(0));
        book.store(|_| true, Duration::ZERO, |_| {})
            .unwrap()
            .unwrap_err();
        assert!(due(1) && due(0));
    }
}
