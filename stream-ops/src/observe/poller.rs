//! The thread that looks, for any number of readers.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::RwLock;

use super::history::History;
use super::observer::Observer;
use crate::server::with_causes;

/// How long each round searches for streams.
const FIND_FOR: Duration = Duration::from_millis(100);

/// Looks between two searches for streams.
const FIND_EVERY: u32 = 15;

/// A thread that looks again and again, and keeps the history.
#[derive(Debug)]
pub struct Poller {
    history: Arc<RwLock<History>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    /// Starts the thread, which looks at once and then after each `every`, usually two
    /// seconds.
    ///
    /// # Errors
    ///
    /// Where the system has no thread left.
    pub fn start(observer: Observer, every: Duration) -> io::Result<Self> {
        Self::start_with(observer, every, |_| {})
    }

    /// As [`start`](Self::start). After each look, `after` is called with what is known then.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(
        observer: Observer,
        every: Duration,
        mut after: impl FnMut(&History) + Send + 'static,
    ) -> io::Result<Self> {
        let history = Arc::new(RwLock::new(History::default()));
        let (stop, stopped) = mpsc::channel();
        let kept = Arc::clone(&history);
        let thread = thread::Builder::new()
            .name("streamctl-poller".to_owned())
            .spawn(move || {
                let mut rounds = Rounds::new(observer);
                loop {
                    let began = Instant::now();
                    rounds.look(&kept);
                    after(&kept.read());
                    let rest = every.saturating_sub(began.elapsed());
                    if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            })?;
        Ok(Self {
            history,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Reads the history. The next look waits until `read` returns.
    pub fn read<T>(&self, read: impl FnOnce(&History) -> T) -> T {
        read(&self.history.read())
    }
}

impl Drop for Poller {
    /// Waits for the current look, no longer than the timeouts of the connection.
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Looks, and searches for streams from time to time.
struct Rounds {
    observer: Observer,
    finds: bool,
    since_found: u32,
}

impl Rounds {
    fn new(observer: Observer) -> Self {
        Self {
            observer,
            finds: true,
            since_found: 0,
        }
    }

    fn look(&mut self, history: &RwLock<History>) {
        if !self.finds {
            self.since_found += 1;
            self.finds = self.since_found >= FIND_EVERY;
        }
        let found = if self.finds {
            self.observer.find(FIND_FOR)
        } else {
            Ok(false)
        };
        if let Ok(true) = found {
            self.finds = false;
            self.since_found = 0;
        }
        match found.and_then(|_| self.observer.look()) {
            Ok(look) => history.write().add(look),
            Err(error) => {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                let now = now.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0));
                history.write().failed(now, with_causes(&error));
            }
        }
    }
}
