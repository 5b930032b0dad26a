//! The facts that a consumer reports of itself with each sign of life, for people: see
//! [`Member::facts`](crate::Member::facts). No member reads them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::command::FactsRecord;
use crate::config::Program;
use crate::consumer::identity::Identity;
use crate::consumer::member::buffer::Buffer;
use crate::consumer::stats::Counters;
use crate::error::one_line;

/// The least interval between two texts of errors, which the user's own code makes.
const OFTEN: Duration = Duration::from_millis(200);

/// The facts that only this consumer knows.
#[derive(Debug)]
pub(crate) struct SelfReport {
    program: Arc<Program>,
    counters: Arc<Counters>,
    workers: usize,
    lease: Duration,
    /// How many dead letters it keeps, where that is not the default.
    dead_max: Option<u64>,
    /// Whether texts of errors may quote sensitive values.
    hides_errors: bool,
    last_error: Mutex<Option<(Instant, String)>>,
}

impl SelfReport {
    pub(super) fn new(identity: &Identity, hides_errors: bool) -> Self {
        Self {
            program: Arc::clone(&identity.program),
            counters: Arc::clone(&identity.counters),
            workers: identity.config.workers,
            lease: identity.config.lease,
            dead_max: identity.config.unusual_dead_letter_max_length(),
            hides_errors,
            last_error: Mutex::default(),
        }
    }

    /// Notes that a handler has failed. `text` is called now and then only.
    pub(crate) fn failed(&self, text: impl FnOnce() -> String) {
        if self.hides_errors {
            return;
        }
        let now = Instant::now();
        let is_recent = |(at, _): &(Instant, String)| now < *at + OFTEN;
        if self.last_error.lock().as_ref().is_some_and(is_recent) {
            return;
        }
        let text = one_line(&text());
        *self.last_error.lock() = Some((now, text));
    }

    /// The present facts, as JSON.
    pub(super) fn facts(&self, buffer: &Buffer) -> String {
        let stats = self.counters.stats();
        let handlers = self.counters.workers.handlers();
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let longest = buffer.handler_time.longest();
        let error = self.last_error.lock();
        let record = FactsRecord {
            program: self.program.name(),
            version: self.program.version().to_owned(),
            library: env!("CARGO_PKG_VERSION").to_owned(),
            workers: self.workers as u64,
            running: buffer.pause.running() as u64,
            buffered: buffer.room.buffered() as u64,
            completed: stats.completed,
            failed: self.counters.failed_deliveries(),
            p50: handlers.quantile(0.5).map(micros),
            p99: handlers.quantile(0.99).map(micros),
            longest: longest.map(micros),
            lease: u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX),
            dead_max: self.dead_max,
            error: error
                .as_ref()
                .map(|(_, text)| text.clone())
                .unwrap_or_default(),
        };
        drop(error);
        record.to_json()
    }
}
