//! The thread that moves entries back for the consumers of a process.
//!
//! There is one per manager, for all streams that it consumes; it starts with the first.
//! A stream with a known backup stream is drained as by a producer, and no producer need
//! be open. A stream without one costs a look once in a while.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::connection::{SilentNodes, Topology};
use crate::error::with_causes;
use crate::keys::StreamKeys;
use crate::producer::backup::posts::Posts;
use crate::runtime::{Shutdown, Thread, on_library_thread, random_suffix};
use crate::split::Splits;

/// The wait before a consumer that doesn't run yet is asked again whether it does,
/// doubling up to the second value.
const ASK_AGAIN: [Duration; 2] = [Duration::from_millis(20), Duration::from_secs(2)];

/// Whether a consumer runs.
type Runs = Arc<dyn Fn() -> bool + Send + Sync>;

/// A stream that is due, and the consumers for which it is watched.
type Task = (StreamKeys, Vec<Runs>);

/// A handle on the thread, which starts with the first stream.
#[derive(Debug)]
pub(crate) struct Lookout {
    shared: Arc<Shared>,
    thread: Mutex<Option<Thread>>,
}

#[derive(Debug)]
struct Shared {
    topology: Arc<Topology>,
    splits: Arc<Splits>,
    streams: Mutex<BTreeMap<String, Watched>>,
    stop: Shutdown,
    /// This process's name in locks.
    token: String,
}

/// A stream, and the consumers for which it is watched.
struct Watched {
    keys: StreamKeys,
    consumers: Vec<(String, Runs)>,
    due: Instant,
    /// The wait before the next question, until a consumer runs.
    ask_again: Duration,
}

impl Lookout {
    pub(crate) fn new(topology: Arc<Topology>, splits: Arc<Splits>) -> Self {
        Self {
            shared: Arc::new(Shared {
                topology,
                splits,
                streams: Mutex::default(),
                stop: Shutdown::default(),
                token: format!("{}-{}", std::process::id(), random_suffix()),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Watches a stream from now on, while the consumer of this name runs.
    pub(crate) fn tend(
        &self,
        keys: &StreamKeys,
        consumer: &str,
        runs: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let mut thread = self.thread.lock();
        if self.shared.stop.is_set() {
            return;
        }
        self.shared.tend(keys, consumer, Arc::new(runs));
        self.shared.stop.nudge();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            match Thread::spawn("stream-lookout", move || run(&shared)) {
                Ok(started) => *thread = Some(started),
                // The next consumer tries again, so this one isn't refused.
                Err(e) => log::error!(
                    "starting the thread that drains the backup stream of `{}` failed; the next \
                     consumer tries again: {}",
                    keys.stream(),
                    with_causes(&e)
                ),
            }
        }
    }

    /// Removes one consumer of a stream.
    pub(crate) fn forget(&self, stream: &str, consumer: &str) {
        let mut streams = self.shared.streams.lock();
        if let Some(watched) = streams.get_mut(stream) {
            watched.consumers.retain(|(known, _)| known != consumer);
            if watched.consumers.is_empty() {
                streams.remove(stream);
            }
        }
        drop(streams);
        self.shared.stop.nudge();
    }

    /// Begins a stop without waiting for it.
    pub(crate) fn signal_stop(&self) {
        self.shared.stop.set();
    }

    /// Stops the thread and joins it. A thread that a server holds up is detached after a
    /// moment. From one of the library's own threads this only signals.
    pub(crate) fn stop(&self) {
        const MOMENT: Duration = Duration::from_secs(1);
        let thread = {
            let mut thread = self.thread.lock();
            self.signal_stop();
            thread.take()
        };
        // They hold consumers.
        self.shared.streams.lock().clear();
        if let Some(thread) = thread.filter(|_| !on_library_thread()) {
            thread.join_by(Instant::now() + MOMENT);
        }
    }
}

/// Looks after the streams that are due, until the stop.
fn run(shared: &Shared) {
    const LONG: Duration = Duration::from_secs(3_600);
    let mut posts = BTreeMap::new();
    let mut silent = SilentNodes::default();
    while !shared.stop.is_set() {
        let (next, task) = shared.next();
        let Some((keys, runs)) = task else {
            let changed = || shared.next_due() != next;
            let deadline = next.unwrap_or_else(|| Instant::now() + LONG);
            shared.stop.wait_until(deadline, changed);
            continue;
        };
        // Called without the lock: a consumer may be held up for a moment by its user.
        if !runs.iter().any(|runs| runs()) {
            shared.ask_again(keys.stream());
            continue;
        }
        let post = posts.entry(keys.stream().to_owned()).or_insert_with(|| {
            let split = shared.splits.of(&keys);
            Posts::new(keys.clone(), split, shared.token.clone())
        });
        let wait = post.look(&shared.topology, &mut silent);
        shared.look_again(keys.stream(), wait);
        posts.retain(|stream, _| shared.streams.lock().contains_key(stream));
    }
    for post in posts.values_mut() {
        post.leave(&shared.topology);
    }
}

impl Shared {
    fn tend(&self, keys: &StreamKeys, consumer: &str, runs: Runs) {
        let mut streams = self.streams.lock();
        let watched = streams
            .entry(keys.stream().to_owned())
            .or_insert_with(|| Watched {
                keys: keys.clone(),
                consumers: Vec::new(),
                due: Instant::now(),
                ask_again: Duration::ZERO,
            });
        let [first, _] = ASK_AGAIN;
        watched.ask_again = first;
        watched.consumers.push((consumer.to_owned(), runs));
    }

    fn next_due(&self) -> Option<Instant> {
        self.streams.lock().values().map(|w| w.due).min()
    }

    /// When the next stream is due, and the stream that is due now, if any.
    fn next(&self) -> (Option<Instant>, Option<Task>) {
        let streams = self.streams.lock();
        let Some(watched) = streams.values().min_by_key(|watched| watched.due) else {
            return (None, None);
        };
        let task = (watched.due <= Instant::now()).then(|| {
            let runs = watched.consumers.iter().map(|(_, runs)| Arc::clone(runs));
            (watched.keys.clone(), runs.collect())
        });
        (Some(watched.due), task)
    }

    fn look_again(&self, stream: &str, wait: Duration) {
        if let Some(watched) = self.streams.lock().get_mut(stream) {
            let [first, _] = ASK_AGAIN;
            watched.ask_again = first;
            watched.due = Instant::now() + wait;
        }
    }

    fn ask_again(&self, stream: &str) {
        if let Some(watched) = self.streams.lock().get_mut(stream) {
            let [first, longest] = ASK_AGAIN;
            watched.due = Instant::now() + watched.ask_again;
            watched.ask_again = (watched.ask_again * 2).clamp(first, longest);
        }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let consumers: Vec<_> = self.consumers.iter().map(|(name, _)| name).collect();
        f.debug_struct("Watched")
            .field("keys", &self.keys)
            .field("consumers", &consumers)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;

    const PATIENCE: Duration = Duration::from_secs(2);

    #[test]
    fn the_thread_has_ended_after_a_stop_even_without_a_server() {
        let config = ConnectionConfig::new("redis+unix:///nowhere/redis.sock").unwrap();
        let lookout = || {
            let topology = Arc::new(Topology::new(&config).unwrap());
            let splits = Arc::new(Splits::new(Arc::clone(&topology)));
            Lookout::new(topology, splits)
        };
        let keys = StreamKeys::new("orders").unwrap();
        let stopped = lookout();
        stopped.stop();
        stopped.tend(&keys, "c", || true);
        assert!(stopped.thread.lock().is_none(), "nothing starts after it");

        let lookout = lookout();
        lookout.tend(&keys, "c", || true);
        lookout.tend(&keys, "d", || false);
        assert_eq!(Arc::strong_count(&lookout.shared), 2);
        lookout.forget("orders", "c");
        lookout.forget("orders", "d");
        assert!(lookout.shared.next_due().is_none());
        lookout.stop();
        // A look that was under way is left to itself.
        let deadline = Instant::now() + 10 * PATIENCE;
        while Arc::strong_count(&lookout.shared) > 1 {
            assert!(Instant::now() < deadline, "it still runs");
            std::thread::yield_now();
        }
    }
}
