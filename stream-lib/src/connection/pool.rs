//! Pooled connections.
//!
//! r2d2 connects on a background thread, tells callers no more than a text,
//! and goes on trying for ever. So here it hands out *places*: a place is a
//! [`Wire`] that may not be connected yet, and the caller that gets it connects it.
//! Errors then keep their kind, wrong passwords fail at once, nothing connects
//! unasked, and the number of connections stays bounded.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use r2d2::{ManageConnection, NopErrorHandler};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// The wait after a failed attempt, doubling.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A connection that came back so recently isn't asked whether it is closed,
/// and counts as in steady use.
const MOMENT: Duration = Duration::from_micros(100);

/// A bounded number of connections to one server, opened when needed.
pub(crate) struct Pool {
    endpoint: Arc<Endpoint>,
    size: u32,
    /// Until the pool is closed.
    places: RwLock<Option<r2d2::Pool<Places>>>,
    gate: Gate,
}

impl Pool {
    /// Makes a pool; nothing is connected yet.
    pub(crate) fn new(endpoint: Arc<Endpoint>, size: u32) -> Self {
        Self::with_scheduler(endpoint, size, scheduler())
    }

    pub(super) fn with_scheduler(
        endpoint: Arc<Endpoint>,
        size: u32,
        scheduler: ScheduledThreadPool,
    ) -> Self {
        let places = r2d2::Pool::builder()
            .max_size(size)
            // All places from the start: one made later would lie on top of
            // those that are connected.
            .min_idle(None)
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .error_handler(Box::new(NopErrorHandler))
            .thread_pool(Arc::new(scheduler))
            .build_unchecked(Places(Arc::clone(&endpoint)));
        Self {
            endpoint,
            size,
            places: RwLock::new(Some(places)),
            gate: Gate::default(),
        }
    }

    /// A connection that is neither broken nor closed by the server.
    ///
    /// # Blocking
    ///
    /// At most `timeout`: while all connections are in use, and while the
    /// server can't be reached. [`close`](Self::close) wakes it.
    ///
    /// # Errors
    ///
    /// The error of the last attempt. One that waiting doesn't cure, such as
    /// `Authentication`, comes at once.
    pub(crate) fn get(&self, timeout: Duration) -> Result<PooledWire> {
        self.endpoint.origin.ensure_here()?;
        let mut deadline = Deadline::of(timeout);
        let wait = deadline.remaining().unwrap_or_default();
        let Some(places) = self.places.read().clone() else {
            return Err(self.closed());
        };
        let Ok(mut place) = places.get_timeout(wait) else {
            return Err(self.no_place(timeout));
        };
        // A connection that was in use a moment ago needs no look.
        let closely = place.was_used_within(MOMENT);
        if place.is_broken() || !closely && place.is_stale() {
            place.abandon("it was closed while nobody used it");
            *place = self.connect(&mut deadline)?;
        }
        place.begin(closely);
        Ok(PooledWire(place))
    }

    /// Ends all waiting for the server in [`get`](Self::get), now and later,
    /// with `Closed`. Connections in use end with their users.
    pub(crate) fn close(&self) {
        let places = self.places.write().take();
        drop(places);
        self.gate.state.lock().closed = true;
        self.gate.change.notify_all();
    }

    fn connect(&self, deadline: &mut Deadline) -> Result<Wire> {
        if self.gate.state.lock().closed {
            return Err(self.closed());
        }
        let mut pause = FIRST_PAUSE;
        // At least one attempt, however short the time.
        let mut timeout = deadline.remaining().unwrap_or(FIRST_PAUSE);
        loop {
            let attempt = Wire::connect(&self.endpoint, timeout.min(self.endpoint.connect_timeout));
            let error = match attempt {
                Ok(wire) => {
                    self.gate.open();
                    return Ok(wire);
                }
                Err(error) => error,
            };
            self.gate.state.lock().failure = Some(error.clone());
            let Some(left) = deadline.remaining().filter(|_| error.is_retryable()) else {
                return Err(error);
            };
            self.gate
                .wait(pause.min(left))
                .map_err(|()| self.closed())?;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match deadline.remaining() {
                Some(left) => timeout = left,
                None => return Err(error),
            }
        }
    }

    fn no_place(&self, timeout: Duration) -> Error {
        let state = self.gate.state.lock();
        if state.closed {
            drop(state);
            return self.closed();
        }
        // The callers that have the places are likely to wait for the server.
        if let Some(failure) = &state.failure {
            return failure.clone();
        }
        let text = format!(
            "all {} pooled connections to Redis at {} were in use for {timeout:?}; raise `pool_size`",
            self.size,
            self.endpoint.address(),
        );
        Error::new(ErrorKind::Unavailable, text)
    }

    fn closed(&self) -> Error {
        let text = format!(
            "the connections to Redis at {} are shut down",
            self.endpoint.address()
        );
        Error::new(ErrorKind::Closed, text)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// A pooled connection, which goes back when dropped. One that is broken, or
/// still owes replies, is closed instead.
pub(crate) struct PooledWire(r2d2::PooledConnection<Places>);

impl Deref for PooledWire {
    type Target = Wire;

    fn deref(&self) -> &Wire {
        &self.0
    }
}

impl DerefMut for PooledWire {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.0
    }
}

impl fmt::Debug for PooledWire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Makes the places of a pool.
struct Places(Arc<Endpoint>);

impl ManageConnection for Places {
    type Connection = Wire;
    type Error = Error;

    fn connect(&self) -> Result<Wire> {
        Ok(Wire::unconnected(&self.0))
    }

    fn is_valid(&self, wire: &mut Wire) -> Result<()> {
        if wire.is_stale() {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "the connection is closed",
            ));
        }
        Ok(())
    }

    /// Says no, and closes a connection that can't be lent again itself: the
    /// place stays, and a caller that waits for one is woken at once.
    fn has_broken(&self, wire: &mut Wire) -> bool {
        if wire.outstanding() > 0 {
            wire.abandon("it was given back with replies outstanding");
        }
        wire.rest();
        false
    }
}

/// The one thread r2d2 wants. With the default behaviour it would stay until
/// the last job in its queue is due.
pub(super) fn scheduler() -> ScheduledThreadPool {
    ScheduledThreadPool::builder()
        .num_threads(1)
        .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
        .thread_name_pattern("stream-pool")
        .build()
}

/// Where callers wait between attempts, and what the last one came to.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    change: Condvar,
}

#[derive(Default)]
struct GateState {
    closed: bool,
    failure: Option<Error>,
}

impl Gate {
    /// Tells those who wait that the server can be reached.
    fn open(&self) {
        if self.state.lock().failure.take().is_some() {
            self.change.notify_all();
        }
    }

    /// Waits for the pause to pass, or for another caller to get through.
    fn wait(&self, pause: Duration) -> std::result::Result<(), ()> {
        let end = Instant::now() + pause;
        let mut state = self.state.lock();
        while !state.closed && state.failure.is_some() {
            if self.change.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        if state.closed { Err(()) } else { Ok(()) }
    }
}
