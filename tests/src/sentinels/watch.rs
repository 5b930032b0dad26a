//! When the first sentinel names another master.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::{Client, Connection};

use super::{NAME, Sentinels};
use crate::server::Server;
use crate::wait::{poll, wait_for};

/// How often each sentinel is asked.
const EVERY: Duration = Duration::from_millis(3);
const ANSWER: Duration = Duration::from_millis(500);

/// Asks each sentinel for the master, over and over, until it names another one or
/// this is dropped.
#[derive(Debug)]
pub struct SwitchWatch {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    over: AtomicBool,
    /// When each sentinel was seen to have switched.
    switched: Mutex<Vec<Instant>>,
}

impl SwitchWatch {
    pub(super) fn begin(sentinels: &Sentinels, old: &Server) -> Self {
        let shared = Arc::new(Shared::default());
        let old = sentinels.announced_port(old);
        let begin = |sentinel: &Server| {
            let (shared, url) = (Arc::clone(&shared), sentinel.unix_url());
            let thread = thread::Builder::new().name("switch-watch".to_owned());
            thread.spawn(move || shared.watch(&url, old)).ok()
        };
        let threads = sentinels.watchers.iter().filter_map(begin).collect();
        Self { shared, threads }
    }

    /// When the first sentinel named another master, if one did.
    pub fn first(&self) -> Option<Instant> {
        self.shared.switched.lock().iter().min().copied()
    }

    /// Waits until a sentinel has named another master, and returns when it did.
    ///
    /// # Panics
    ///
    /// When none does before `deadline` has passed.
    #[track_caller]
    pub fn wait(&self, deadline: Duration) -> Instant {
        wait_for(deadline, "a sentinel to name another master", || {
            self.first()
        })
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
    fn watch(&self, url: &str, old: u16) {
        let mut connection = None;
        while !self.over.load(Ordering::Relaxed) {
            if connection.is_none() {
                connection = connect(url);
            }
            match connection.as_mut().map(named_port) {
                Some(Some(port)) if port != old => {
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

fn named_port(connection: &mut Connection) -> Option<u16> {
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg(NAME);
    let named: Option<(String, u16)> = command.query(connection).ok()?;
    named.map(|(_, port)| port)
}
