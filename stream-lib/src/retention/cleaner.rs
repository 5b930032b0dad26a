//! A manager's handle on the thread that cleans its streams.
//!
//! There is one per manager, for all its streams. Every process with a producer or a
//! consumer of a stream has one; the script lets the first process that comes clean a
//! stream, once per interval.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::engine::Wish;
use super::schedule::User;
use super::worker::{Worker, run};
use crate::config::RetentionSettings;
use crate::connection::Topology;
use crate::error::with_causes;
use crate::keys::StreamKeys;
use crate::runtime::{Shutdown, Thread, on_library_thread, random_suffix};
use crate::schema_book::SchemaBook;
use crate::split::Splits;

/// A handle on the cleaner's thread, which starts with the first stream.
#[derive(Debug)]
pub(crate) struct Cleaner {
    shared: Arc<Worker>,
    thread: Mutex<Option<Thread>>,
}

impl Cleaner {
    /// Makes the cleaner of a manager that may not have looked at the server yet.
    pub(crate) fn new(topology: Arc<Topology>, splits: Arc<Splits>, book: Arc<SchemaBook>) -> Self {
        let stop = Shutdown::default();
        book.wake(stop.nudged());
        Self {
            shared: Arc::new(Worker {
                topology,
                splits,
                book,
                schedule: Mutex::default(),
                stop,
                connection: Mutex::default(),
                token: random_suffix(),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Looks after a stream from now on, for `user`, with the settings that `user` asks
    /// for. They are stored in the background.
    pub(crate) fn tend(&self, keys: &StreamKeys, user: User, asked: RetentionSettings) {
        let mut thread = self.thread.lock();
        if self.shared.stop.is_set() {
            return;
        }
        self.shared.schedule.lock().tend(keys, user, asked);
        self.shared.stop.nudge();
        self.start(&mut thread);
    }

    /// Starts the thread for the book alone, unless it runs.
    pub(crate) fn begin(&self) {
        let mut thread = self.thread.lock();
        if !self.shared.stop.is_set() {
            self.start(&mut thread);
        }
    }

    fn start(&self, thread: &mut Option<Thread>) {
        if thread.is_some() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        match Thread::spawn("stream-cleaner", move || run(&shared)) {
            Ok(started) => *thread = Some(started),
            // The next stream tries again, so its producer isn't refused.
            Err(e) => log::error!(
                "starting the thread that cleans streams failed; the next stream tries again: {}",
                with_causes(&e)
            ),
        }
    }

    /// Removes one user of a stream.
    pub(crate) fn forget(&self, stream: &str, user: &User) {
        let mut schedule = self.shared.schedule.lock();
        schedule.forget(stream, user);
        if !schedule.tends(stream) {
            self.shared.book.forget(stream);
        }
        drop(schedule);
        self.shared.stop.nudge();
    }

    /// The settings that the users of a stream ask for.
    pub(crate) fn wish(&self, stream: &str) -> Wish {
        self.shared.schedule.lock().wish(stream)
    }

    /// Begins a stop without waiting for it.
    pub(crate) fn signal_stop(&self) {
        self.shared.stop.set();
    }

    /// Stops the thread and joins it. From one of the library's own threads
    /// this only signals.
    pub(crate) fn stop(&self) {
        /// How long the stop waits for the request under way before it cuts the
        /// connection, and how long after that, since the thread may be waiting for a
        /// connection.
        const POLITE: Duration = Duration::from_secs(1);
        const LAST: Duration = Duration::from_secs(3);
        let thread = {
            let mut thread = self.thread.lock();
            self.signal_stop();
            thread.take()
        };
        if let Some(thread) = thread.filter(|_| !on_library_thread()) {
            if !thread.ends_by(Instant::now() + POLITE) {
                self.shared.connection.lock().stop();
            }
            thread.join_by(Instant::now() + LAST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;

    #[test]
    fn the_thread_has_ended_after_a_stop_even_without_a_server() {
        let socket = "redis+unix:///nowhere/redis.sock";
        let config = ConnectionConfig::new(socket).unwrap();
        let cleaner = || {
            let topology = Arc::new(Topology::new(&config).unwrap());
            let splits = Arc::new(Splits::new(Arc::clone(&topology)));
            let book = Arc::new(SchemaBook::new(Arc::clone(&topology), String::new()));
            Cleaner::new(topology, splits, book)
        };
        let stopped = cleaner();
        stopped.stop();
        let keys = StreamKeys::new("orders").unwrap();
        let asked = RetentionSettings {
            max_length: Some(5),
            ..RetentionSettings::default()
        };
        let user = User::Producer("p".to_owned());
        stopped.tend(&keys, user.clone(), asked.clone());
        assert!(stopped.thread.lock().is_none(), "nothing starts after it");

        let cleaner = cleaner();
        cleaner.tend(&keys, user, asked);
        assert!(cleaner.thread.lock().is_some());
        assert_eq!(Arc::strong_count(&cleaner.shared), 2);
        cleaner.stop();
        assert_eq!(Arc::strong_count(&cleaner.shared), 1);
    }
}
