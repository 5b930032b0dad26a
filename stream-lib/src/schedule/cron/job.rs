//! A job of this process: a schedule with a message.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::config::Cron;
use super::times::Times;
use crate::command::{JobCall, Outgoing};
use crate::error::{Error, ErrorKind, Result, Shown, with_causes};
use crate::keys::StreamKeys;
use crate::message::Schema;
use crate::partition::{hash_of, partition_of};
use crate::runtime::panic_text;
use crate::schema_book::Types;
use crate::split::{Split, Splits};

/// The longest name of a job, in bytes.
const LONGEST: usize = 256;

/// Encodes the message of a tick.
type Make = dyn Fn(&mut Outgoing) -> Result<()> + Send + Sync;

/// A job that this process takes part in.
pub(crate) struct Job {
    /// The keys of the stream that it was declared for.
    stem: StreamKeys,
    /// Its place, once that is known: the stream, or one of its partitions.
    place: Mutex<Option<(Split, StreamKeys)>>,
    pub(super) name: String,
    pub(super) cron: Cron,
    /// As the stream stores them, once this process has declared it.
    pub(super) terms: String,
    pub(super) times: Times,
    make: Box<Make>,
    /// The type of its messages.
    schema: &'static Schema,
    types: Types,
    /// Its state was changed by a call of this process.
    is_changed: AtomicBool,
    /// A test drives its clock.
    is_held: AtomicBool,
}

impl Job {
    /// # Errors
    ///
    /// `Config` for a name or values out of their bounds.
    pub(crate) fn new(
        keys: StreamKeys,
        name: &str,
        cron: Cron,
        schema: &'static Schema,
        types: Types,
        make: impl Fn(&mut Outgoing) -> Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        if !(1..=LONGEST).contains(&name.len()) {
            let text = format!(
                "the name of a job has {} bytes, and must have 1 to {LONGEST}: `{}`",
                name.len(),
                Shown(name)
            );
            return Err(Error::new(ErrorKind::Config, text));
        }
        cron.validate()?;
        Ok(Self {
            times: cron.times()?,
            terms: cron.terms(),
            stem: keys,
            place: Mutex::default(),
            name: name.to_owned(),
            cron,
            make: Box::new(make),
            schema,
            types,
            is_changed: AtomicBool::new(false),
            is_held: AtomicBool::new(false),
        })
    }

    pub(crate) fn stream(&self) -> &str {
        self.stem.stream()
    }

    /// The keys of the stream or partition that it belongs to.
    pub(crate) fn keys(&self) -> StreamKeys {
        let place = self.place.lock();
        let known = place.as_ref().map(|(_, keys)| keys);
        known.unwrap_or(&self.stem).clone()
    }

    /// Finds its place: in a stream with partitions that of its message's key, else of
    /// its name, so that all processes find it there. Returns whether it has moved,
    /// because the stream has got partitions.
    ///
    /// # Errors
    ///
    /// As [`Splits::ask_afresh`], and those of a message that can't be made.
    pub(crate) fn locate(&self, splits: &Splits) -> Result<bool> {
        let split = splits.ask_afresh(&self.stem)?;
        let is_same = |(known, _): &(Split, StreamKeys)| *known == split;
        if self.place.lock().as_ref().is_some_and(is_same) {
            return Ok(false);
        }
        let keys = match split.partitions() {
            None => self.stem.clone(),
            Some(partitions) => {
                let message = self.message()?;
                let hash = message.iter().next().and_then(|message| message.hash());
                let hash = hash.unwrap_or_else(|| hash_of(self.name.as_bytes()));
                self.stem.partition(partition_of(hash, partitions))
            }
        };
        let before = self.place.lock().replace((split, keys));
        Ok(before.is_some())
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The arguments of scripts for this job; `keys` are its own.
    pub(super) fn call<'a>(&'a self, keys: &'a StreamKeys) -> JobCall<'a> {
        JobCall {
            keys,
            name: &self.name,
            now: None,
        }
    }

    /// Notes the type of its messages, and stores it if it must be stored before the
    /// first.
    ///
    /// # Blocking
    ///
    /// For at most `patience`.
    ///
    /// # Errors
    ///
    /// Those by which a tick would fail now, too.
    pub(super) fn store_type(&self, patience: Duration) -> Result<()> {
        self.types.note(self.schema);
        self.types.store_first(|| patience)
    }

    /// Makes the message of a tick. A panic of the user's function is an error.
    pub(super) fn message(&self) -> Result<Outgoing> {
        let mut batch = Outgoing::default();
        let made = catch_unwind(AssertUnwindSafe(|| (self.make)(&mut batch)));
        match made {
            Ok(made) => made?,
            Err(panic) => {
                let text = format!("making the message has panicked: {}", panic_text(panic));
                return Err(Error::new(ErrorKind::Encode, text));
            }
        }
        Ok(batch)
    }

    /// The reason of an error of [`message`](Self::message), for another process.
    pub(super) fn reason(&self, error: &Error) -> String {
        if self.schema.has_sensitive_fields() {
            "its message can't be made; the log of the process that has the job says why, since \
             the message has sensitive fields"
                .to_owned()
        } else {
            with_causes(error)
        }
    }

    /// Has the ticker ask for its state at the next wake-up.
    pub(super) fn look_again(&self) {
        self.is_changed.store(true, Ordering::SeqCst);
    }

    pub(super) fn take_look(&self) -> bool {
        self.is_changed.swap(false, Ordering::SeqCst)
    }

    /// Whether a test drives its ticks.
    pub(super) fn is_held(&self) -> bool {
        self.is_held.load(Ordering::SeqCst)
    }

    /// Leaves its ticks to a test.
    #[cfg(feature = "test-util")]
    pub(super) fn hold(&self) {
        self.is_held.store(true, Ordering::SeqCst);
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("stream", &self.stream())
            .field("name", &self.name)
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
