//! The message types that one producer, or one consumer with outputs, writes to a stream.
//!
//! A type with sensitive fields is stored with the stream before its first message goes
//! there: tools hide the values of fields that a stored type calls sensitive. Other types
//! are stored in the background.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::time::Duration;

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
    /// Counts the types that have to be stored before their messages go out.
    noted: AtomicU64,
    /// The count up to which they are stored.
    stored: AtomicU64,
}

impl Types {
    /// The types of messages to the stream of these keys, stored by this book.
    pub(crate) fn new(keys: StreamKeys, book: Option<Arc<SchemaBook>>) -> Self {
        Self {
            keys,
            book,
            last: AtomicPtr::default(),
            noted: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        }
    }

    /// Notes a type. For the same type as last time this is one load.
    pub(crate) fn note(&self, schema: &'static Schema) {
        let place = ptr::from_ref(schema).cast_mut();
        if self.last.load(Ordering::Acquire) == place {
            return;
        }
        if let Some(book) = &self.book
            && book.note(&self.keys, schema, SchemaRole::Producer)
        {
            self.noted.fetch_add(1, Ordering::Relaxed);
        }
        // Later, since another thread that finds it here must find the count, too.
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

    /// How many types were noted that have to be stored first. Changes when there is a
    /// new one.
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

    /// Stores the noted types that have to be stored before their messages go out; without
    /// any this is two loads. `patience` is the time that a message may take.
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
