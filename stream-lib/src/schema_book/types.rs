//! The message types that one producer, or one consumer with outputs, writes to a stream.
//!
//! A type with sensitive fields is stored with the stream before its first message goes
//! there: tools hide the values of fields that a stored type calls sensitive. Other types
//! are stored in the background.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::book::SchemaBook;
use crate::command::SchemaRole;
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::message::schema::SchemaText;

/// The types written to one stream.
#[derive(Debug)]
pub(crate) struct Types {
    keys: StreamKeys,
    /// `None` for a producer that no manager has.
    book: Option<Arc<SchemaBook>>,
    /// The type that was last noted.
    last: AtomicPtr<Schema>,
    known: Mutex<Known>,
    /// Counts the types that have to be stored before their messages go out.
    noted: AtomicU64,
    /// The count up to which they are stored.
    stored: AtomicU64,
    /// The life of the book in which all are noted there.
    life: AtomicU64,
}

/// All types so far.
#[derive(Debug, Default)]
struct Known {
    own: Vec<&'static Schema>,
    /// Those of messages that an earlier life has left.
    kept: Vec<SchemaText>,
}

impl Types {
    /// The types of messages to the stream of these keys, stored by this book.
    pub(crate) fn new(keys: StreamKeys, book: Option<Arc<SchemaBook>>) -> Self {
        let life = book.as_ref().map_or(0, |book| book.life());
        Self {
            keys,
            book,
            last: AtomicPtr::default(),
            known: Mutex::default(),
            noted: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            life: AtomicU64::new(life),
        }
    }

    /// Notes a type. For the same type as last time this is one load.
    #[inline]
    pub(crate) fn note(&self, schema: &'static Schema) {
        let place = ptr::from_ref(schema).cast_mut();
        if self.last.load(Ordering::Acquire) != place {
            self.note_other(schema);
            // Later, since another thread that finds it here must find the count, too.
            self.last.store(place, Ordering::Release);
        }
    }

    #[cold]
    fn note_other(&self, schema: &'static Schema) {
        let Some(book) = &self.book else {
            return;
        };
        let mut known = self.known.lock();
        if known.own.iter().any(|other| ptr::eq(*other, schema)) {
            return;
        }
        known.own.push(schema);
        if book.note(&self.keys, schema, SchemaRole::Producer) {
            self.noted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes types with sensitive fields whose messages are left of an earlier life.
    #[cfg_attr(
        not(feature = "spool"),
        expect(dead_code, reason = "only a spool keeps types")
    )]
    pub(crate) fn note_kept(&self, texts: Vec<SchemaText>) {
        let Some(book) = &self.book else {
            return;
        };
        for text in texts {
            book.note_kept(&self.keys, &text);
            self.known.lock().kept.push(text);
            self.noted.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many types with sensitive fields were noted. Changes when there is a new one.
    pub(crate) fn noted(&self) -> u64 {
        self.noted.load(Ordering::Relaxed)
    }

    /// The noted types with sensitive fields.
    #[cfg_attr(
        not(feature = "spool"),
        expect(dead_code, reason = "only a spool keeps types")
    )]
    pub(crate) fn sensitive(&self) -> Vec<SchemaText> {
        let known = self.known.lock();
        let own = known.own.iter().filter(|s| s.has_sensitive_fields());
        let own = own.map(|schema| SchemaText::of(schema));
        own.chain(known.kept.iter().cloned()).collect()
    }

    /// Whether a noted type may have to be stored before its messages go out, or noted
    /// again.
    #[inline]
    pub(crate) fn are_due(&self) -> bool {
        let life = self.book.as_ref().map_or(0, |book| book.life());
        self.stored.load(Ordering::Relaxed) != self.noted()
            || self.life.load(Ordering::Relaxed) != life
    }

    /// Stores the noted types that have to be stored before their messages go out, on a
    /// connection of the pool; without any this is a few loads. `patience` is the time
    /// that a message may take.
    ///
    /// # Errors
    ///
    /// Those by which a message would fail now, too: none may go out.
    #[inline]
    pub(crate) fn store_first(&self, patience: impl FnOnce() -> Duration) -> Result<()> {
        if !self.are_due() {
            return Ok(());
        }
        self.store(patience())
    }

    #[cold]
    fn store(&self, patience: Duration) -> Result<()> {
        let Some(book) = &self.book else {
            return Ok(());
        };
        let noted = self.noted();
        let life = book.life();
        if self.life.load(Ordering::Relaxed) != life {
            self.note_again(book);
        }
        book.store_first(&self.keys, patience)?;
        self.stored.fetch_max(noted, Ordering::Relaxed);
        self.life.store(life, Ordering::Relaxed);
        Ok(())
    }

    /// Notes all types once more, after the book has forgotten some.
    fn note_again(&self, book: &SchemaBook) {
        let known = self.known.lock();
        for schema in &known.own {
            book.note(&self.keys, schema, SchemaRole::Producer);
        }
        for text in &known.kept {
            book.note_kept(&self.keys, text);
        }
    }
}
