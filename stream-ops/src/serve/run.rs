//! Start and stop of a dashboard.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::Names;
use super::answer::router;
use super::dash::Dash;
use super::settings::Settings;
use super::shell::serve;
use crate::assess::{Problems, assess};
use crate::observe::{Observer, Poller};
use crate::server::Redis;

/// Threads for answers, and threads for requests to Redis.
const WORKERS: usize = 2;
const ASKING: usize = 16;

/// The time that remaining work has after the connections have ended.
const REST: Duration = Duration::from_millis(200);

/// A running dashboard. Dropping it stops it.
pub struct Dashboard {
    address: SocketAddr,
    dash: Option<Arc<Dash>>,
    runtime: Option<Runtime>,
    stop: Option<watch::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl Dashboard {
    /// Starts to look at Redis, and to answer.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if [`Settings::validate`] fails.
    /// Else if the address can't be bound, or no thread can be started.
    pub fn start(redis: Redis, mut settings: Settings) -> io::Result<Self> {
        settings
            .validate()
            .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .max_blocking_threads(ASKING)
            .thread_name("streamctl-serve")
            .enable_io()
            .enable_time()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind(settings.listen))?;
        let address = listener.local_addr()?;
        settings.listen = address;
        let names = Names::new(address, &settings.hosts);
        let observer = Observer::new(&redis, settings.streams.clone());
        let problems = Arc::new(Mutex::new(Problems::default()));
        let noticed = Arc::clone(&problems);
        let poller = Poller::start_with(observer, settings.every, move |history| {
            // During an outage nothing is known to be over.
            if history.outage().is_none() {
                noticed.lock().look(&assess(history));
            }
        })?;
        let dash = Arc::new(Dash::new(redis, (poller, problems), settings, names));
        let (stop, stopped) = watch::channel(());
        let serving = runtime.spawn(serve(listener, router(Arc::clone(&dash)), stopped));
        Ok(Self {
            address,
            dash: Some(dash),
            runtime: Some(runtime),
            stop: Some(stop),
            serving: Some(serving),
        })
    }

    /// The address on which it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for a browser.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Stops within a second. Answers in progress have 0.6 s.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(dash) = &self.dash {
            dash.works.stop();
        }
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        if let Some(serving) = self.serving.take() {
            let _ = runtime.block_on(serving);
        }
        runtime.shutdown_timeout(REST);
        // A look that waits for Redis ends within the timeouts of the connection; the
        // caller doesn't wait that long.
        if let Some(dash) = self.dash.take() {
            let (done, ended) = mpsc::channel::<()>();
            let ending = thread::Builder::new()
                .name("streamctl-end".to_owned())
                .spawn(move || {
                    drop(dash);
                    drop(done);
                });
            if ending.is_ok() {
                let _ = ended.recv_timeout(REST);
            }
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
