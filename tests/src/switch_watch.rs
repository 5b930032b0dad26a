//! The time at which the first of some members knows of a change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Client, Connection};

use crate::server::Server;
use crate::wait::{poll, wait_for};

/// The time between two requests to a member.
const EVERY: Duration = Duration::from_millis(3);
const ANSWER: Duration = Duration::from_millis(500);

/// Asks each sentinel or node for the master, over and over, until it names another
/// one or this is dropped.
#[derive(Debug)]
pub struct SwitchWatch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    /// The time at which each member was seen to have switched.
    switched: Mutex<Vec<Instant>>,
}

impl SwitchWatch {
    /// `has_switched` asks one member; `None` where that didn't answer.
    pub(crate) fn begin(
        members: &[Server],
        has_switched: impl Fn(&mut Connection) -> Option<bool> + Clone + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let begin = |member: &Server| {
            let (shared, url) = (Arc::clone(&shared), member.unix_url());
            let has_switched = has_switched.clone();
            let thread = thread::Builder::new().name("switch-watch".to_owned());
            let watch = move || shared.watch(&url, has_switched);
            thread.spawn(watch).ok()
        };
        let threads = members.iter().filter_map(begin).collect();
        Self { shared, threads }
    }

    /// The time at which the first member named another master, if one did.
    pub fn first(&self) -> Option<Instant> {
        self.shared.switched.lock().iter().min().copied()
    }

    /// Waits until a member has named another master, and returns when it did.
    ///
    /// # Panics
    ///
    /// When none does before `deadline` has passed.
    #[track_caller]
    pub fn wait(&self, deadline: Duration) -> Instant {
        wait_for(deadline, "another master to be named", || self.first())
    }
}

impl Drop for SwitchWatch {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It can't panic, and a drop has no use for it.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn watch(&self, url: &str, has_switched: impl Fn(&mut Connection) -> Option<bool>) {
        let mut connection = None;
        while !self.over.load(Ordering::Relaxed) {
            if connection.is_none() {
                connection = connect(url);
            }
            match connection.as_mut().map(&has_switched) {
                Some(Some(true)) => {
                    return self.switched.lock().push(Instant::now());
                }
                // Dead, or frozen: an answer that is late would be taken for the
                // next one's.
                Some(None) => connection = None,
                _ => {}
            }
            // Nothing is awaited here: what counts is that time passes.
            poll(EVERY, || None::<()>);
        }
    }
}

fn connect(url: &str) -> Option<Connection> {
    let client = Client::open(url).ok()?;
    let connection = client.get_connection_with_timeout(ANSWER).ok()?;
    connection.set_read_timeout(Some(ANSWER)).ok()?;
    Some(connection)
}
