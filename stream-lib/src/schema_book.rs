//! The message types of this process, and their streams.
//!
//! Each derived type is stored with its stream once when a producer or a consumer of it
//! is created, and again every hour, so that its last time shows whether any process
//! still has it. The cleaner's thread does this; no caller waits for it, and only tools
//! suffer from a failure.

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
    /// Its failure has been logged.
    is_told: bool,
}

/// The time until a failed note is tried again.
const AGAIN: Duration = Duration::from_secs(60);

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
    /// written by hand.
    pub(crate) fn note(&self, keys: &StreamKeys, schema: &'static Schema, role: SchemaRole) {
        if !schema.derived {
            return;
        }
        let mut notes = self.notes.lock();
        let is_known = notes.iter().any(|note| {
            let is_same = std::ptr::eq(note.schema, schema) || *note.schema == *schema;
            is_same && note.role == role && note.keys.stream() == keys.stream()
        });
        if is_known {
            return;
        }
        notes.push(Note {
            keys: keys.without_backup(),
            schema,
            role,
            due: Some(Instant::now()),
            is_told: false,
        });
        drop(notes);
        if let Some(bell) = self.bell.get() {
            bell.nudge();
        }
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
    pub(crate) fn work(&self, now: Instant, mut watch: impl FnMut(&Wire)) -> bool {
        let _telling = self.telling.lock();
        let (keys, schema, role) = {
            let mut notes = self.notes.lock();
            let due = |note: &&mut Note| note.due.is_some_and(|due| due <= now);
            let Some(note) = notes.iter_mut().find(due) else {
                return false;
            };
            note.due = Some(now + AGAIN);
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
        let outcome = self.topology.run(key, WAIT, |wire| {
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
    fn done(&mut self, error: Option<&Error>) {
        let Some(error) = error else {
            self.is_told = false;
            self.due = Some(Instant::now() + SEEN_FOR + AGAIN);
            return;
        };
        // These failures don't pass for this user and server.
        let is_final = matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Server
        );
        if is_final {
            self.due = None;
        }
        if !std::mem::replace(&mut self.is_told, true) {
            log::debug!(
                "the schema of `{}` was not stored with `{}`, so tools don't know it: {}",
                self.schema.name,
                self.keys.stream(),
                with_causes(error)
            );
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
