//! The thread that hands counted figures to the crate `metrics`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::registry::NameRegistry;
use crate::error::{one_line, with_causes};
use crate::metrics::Published;
use crate::runtime::{Shutdown, Thread, on_library_thread, panic_text};

/// The interval: exporters are asked every 15 s or so.
const EVERY: Duration = Duration::from_secs(5);

/// The time that a recorder may take at the end.
const LAST: Duration = Duration::from_secs(1);

/// Publishes every few seconds, beginning with the first producer or consumer, and once
/// more at the end.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    stop: Shutdown,
    thread: Mutex<Option<Thread>>,
}

impl Publisher {
    /// Starts the thread, unless it runs.
    pub(super) fn begin(&self, registry: &Arc<RwLock<NameRegistry>>) {
        let mut thread = self.thread.lock();
        if thread.is_some() || self.stop.is_set() {
            return;
        }
        let (registry, stop) = (Arc::clone(registry), self.stop.clone());
        match Thread::spawn("stream-metrics", move || run(&registry, &stop)) {
            Ok(started) => *thread = Some(started),
            Err(e) => log::error!(
                "starting the thread that publishes metrics failed; the next producer or consumer \
                 tries again: {}",
                with_causes(&e)
            ),
        }
    }

    pub(super) fn stop(&self) {
        self.stop.set();
        let thread = self.thread.lock().take();
        if let Some(thread) = thread.filter(|_| !on_library_thread()) {
            thread.join_by(Instant::now() + LAST);
        }
    }
}

fn run(registry: &RwLock<NameRegistry>, stop: &Shutdown) {
    let mut published = Published::default();
    let mut is_told = false;
    loop {
        let is_last = stop.sleep(EVERY);
        let now = registry.read().metrics();
        // The recorder is foreign code and may panic.
        let publish = AssertUnwindSafe(|| published.publish(now));
        if let Err(panic) = catch_unwind(publish)
            && !std::mem::replace(&mut is_told, true)
        {
            let text = panic_text(panic);
            log::error!("the recorder of metrics has panicked: {}", one_line(&text));
        }
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use ::metrics::{
        Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
        set_global_recorder,
    };

    use crate::config::{ConnectionConfig, StreamConfig};
    use crate::error::ErrorKind;
    use crate::manager::StreamManager;
    use crate::message::raw::RawMessage;

    use super::*;

    /// Records the keys that are asked for.
    #[derive(Debug, Clone, Default)]
    struct Asked(Arc<Mutex<Vec<Key>>>);

    impl Recorder for Asked {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            self.0.lock().push(key.clone());
            Counter::noop()
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[test]
    fn a_manager_publishes_what_it_counts_until_its_end() {
        let asked = Asked::default();
        set_global_recorder(asked.clone()).unwrap();
        let config = ConnectionConfig::new("redis+unix:///nowhere/redis.sock").unwrap();
        let manager = StreamManager::connect_lazy(config).unwrap();
        let config = StreamConfig::new("published").send_timeout(Duration::from_millis(10));
        let producer = manager.create_simple_producer("p", config).unwrap();
        let message = RawMessage::new().with("n", "1");
        let error = producer.typed::<RawMessage>().add(&message).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        manager.shutdown();
        assert!(manager.publisher.thread.lock().is_none());
        let asked = asked.0.lock();
        let own = asked.iter().filter(|key| {
            let mut labels = key.labels();
            labels.any(|label| label.value() == "published")
        });
        let names: Vec<_> = own.map(Key::name).collect();
        assert!(names.contains(&"stream_send_failures_total"), "{names:?}");
    }
}
