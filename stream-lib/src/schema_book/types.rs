//! The message types that one producer, or one consumer with outputs, writes to a stream.
//!
//! A type with sensitive fields is stored with the stream before its first message goes
//! there: tools hide the values of fields that a stored type calls sensitive. Other types
//! are stored in the background.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::book::SchemaBook;
use crate::command::SchemaRole;
use crate::keys::StreamKeys;
use crate::message::Schema;

/// The types written to one stream.
#[derive(Debug)]
pub(crate) struct Types {
    keys: StreamKeys,
    /// Not set for a producer that no manager has.
    book: OnceLock<Arc<SchemaBook>>,
    /// The type that was last noted.
    last: AtomicPtr<Schema>,
    /// Counts the types that have to be stored before their messages go out.
    noted: AtomicU64,
    /// The count up to which they are stored.
    stored: AtomicU64,
}

impl Types {
    pub(crate) fn new(keys: StreamKeys) -> Self {
        Self {
            keys,
            book: OnceLock::new(),
            last: AtomicPtr::default(),
            noted: AtomicU64::new(0),
            stored: AtomicU64::new(0),
        }
    }

    /// Sets the book that stores them.
    pub(crate) fn set_book(&self, book: &Arc<SchemaBook>) {
        let _ = self.book.set(Arc::clone(book));
    }

    /// Notes a type. For the same type as last time this is one load.
    pub(crate) fn note(&self, schema: &'static Schema) {
        let place = ptr::from_ref(schema).cast_mut();
        if self.last.load(Ordering::Acquire) == place {
            return;
        }
        if let Some(book) = self.book.get()
            && book.note(&self.keys, schema, SchemaRole::Producer)
        {
            self.noted.fetch_add(1, Ordering::Relaxed);
        }
        // Later, since another thread that finds it here must find the count, too.
        self.last.store(place, Ordering::Release);
    }

    /// Stores the noted types that have to be stored before their messages go out; without
    /// any this is two loads. `patience` is the time that a message may take: a quarter of
    /// it is spent here at most, and only on the first try. After a failure messages go
    /// out, and the book tries again by itself.
    #[inline]
    pub(crate) fn store_first(&self, patience: impl FnOnce() -> Duration) {
        let noted = self.noted.load(Ordering::Relaxed);
        if self.stored.load(Ordering::Relaxed) == noted {
            return;
        }
        self.store(noted, patience() / 4);
    }

    #[cold]
    fn store(&self, noted: u64, patience: Duration) {
        if let Some(book) = self.book.get()
            && book.store_first(&self.keys, patience)
        {
            self.stored.fetch_max(noted, Ordering::Relaxed);
        }
    }
}
