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
    /// The type that was last noted, and in which life of the book.
    last: AtomicPtr<Schema>,
    life: AtomicU64,
    known: Mutex<Known>,
    /// Counts the types that have to be stored before their messages go out.
    noted: AtomicU64,
    /// The count up to which they are stored.
    stored: AtomicU64,
}

/// The types noted in one life of the book.
#[derive(Debug, Default)]
struct Known {
    life: u64,
    schemas: Vec<&'static Schema>,
}

impl Types {
    /// The types of messages to the stream of these keys, stored by this book.
    pub(crate) fn new(keys: StreamKeys, book: Option<Arc<SchemaBook>>) -> Self {
        Self {
            keys,
            book,
            last: AtomicPtr::default(),
            life: AtomicU64::new(0),
            known: Mutex::default(),
            noted: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        }
    }

    /// Notes a type. For the same type as last time this is a few loads.
    #[inline]
    pub(crate) fn note(&self, schema: &'static Schema) {
        let Some(book) = &self.book else {
            return;
        };
        let place = ptr::from_ref(schema).cast_mut();
        let is_last = self.last.load(Ordering::Acquire) == place;
        if !is_last || self.life.load(Ordering::Relaxed) != book.life() {
            self.note_other(book, schema);
        }
    }

    #[cold]
    fn note_other(&self, book: &SchemaBook, schema: &'static Schema) {
        let mut known = self.known.lock();
        let life = book.life();
        if known.life != life {
            known.schemas.clear();
            known.life = life;
        }
        if !known.schemas.iter().any(|other| ptr::eq(*other, schema)) {
            known.schemas.push(schema);
            if book.note(&self.keys, schema, SchemaRole::Producer) {
                self.noted.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.life.store(life, Ordering::Relaxed);
        // Later, since another thread that finds it here must find the count, too.
        let place = ptr::from_ref(schema).cast_mut();
        self.last.store(place, Ordering::Release);
    }

    /// Notes types with sensitive fields whose messages are left of an earlier life.
    #[cfg_attr(
        not(feature = "spool"),
        expect(dead_code, reason = "only a spool keeps types")
    )]
    pub(crate) fn note_kept(&self, texts: impl IntoIterator<Item = SchemaText>) {
        let Some(book) = &self.book else {
            return;
        };
        for text in texts {
            book.note_kept(&self.keys, text);
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
        let book = self.book.as_ref();
        book.map_or_else(Vec::new, |book| book.sensitive(&self.keys))
    }

    /// Whether a noted type may have to be stored before its messages go out.
    pub(crate) fn are_due(&self) -> bool {
        self.stored.load(Ordering::Relaxed) != self.noted()
    }

    /// Stores the noted types that have to be stored before their messages go out, on a
    /// connection of the pool; without any this is two loads. `patience` is the time that a message may take.
    ///
    /// # Errors
    ///
    /// Those by which a message would fail now, too: none may go out.
    #[inline]
    pub(crate) fn store_first(&self, patience: impl FnOnce() -> Duration) -> Result<()> {
        let noted = self.noted();
        if self.stored.load(Ordering::Relaxed) == noted {
            return Ok(());
        }
        self.store(noted, patience())
    }

    #[cold]
    fn store(&self, noted: u64, patience: Duration) -> Result<()> {
        if let Some(book) = &self.book {
            book.store_first(&self.keys, patience)?;
        }
        self.stored.fetch_max(noted, Ordering::Relaxed);
        Ok(())
    }
}
