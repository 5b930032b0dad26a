//! Pooled connections.
//!
//! r2d2 connects on a background thread, tells callers only a text, and retries for ever.
//! So here it hands out *places*: a place is a [`Wire`] that may not be connected yet,
//! and the caller that gets it connects it. Errors then keep their kind, wrong passwords
//! fail at once, nothing connects without a caller, and the number of connections stays
//! bounded.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use r2d2::{ManageConnection, NopErrorHandler};
use scheduled_thread_pool::{OnPoolDropBehavior, ScheduledThreadPool};

use super::attempts::Attempts;
use super::deadline::Deadline;
use super::endpoint::Endpoint;
use super::stoppers::Stoppers;
use super::wire::{USUAL_REPLY, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Thread, panic_text};

/// The least time of an attempt to connect, however little is left.
const LEAST_ATTEMPT: Duration = Duration::from_millis(20);

/// How long to wait for the thread that only shows that one can be started.
const JOINED: Duration = Duration::from_secs(5);

/// How long a caller that may be interrupted waits for a place between checks.
const LOOK_UP: Duration = Duration::from_millis(20);

/// A connection that came back this recently isn't checked for a close, and counts as in
/// steady use.
const MOMENT: Duration = Duration::from_micros(100);

/// A bounded number of connections to one server, opened when needed.
pub(crate) struct Pool {
    endpoint: Arc<Endpoint>,
    size: u32,
    /// `None` once the pool is closed.
    places: RwLock<Option<r2d2::Pool<Places>>>,
    /// The error of the last attempt to connect, if that has failed.
    failure: Mutex<Option<Error>>,
    attempts: Attempts,
    /// All its connections, lent or not.
    in_use: Stoppers,
}

impl Pool {
    /// Makes a pool; nothing is connected yet. Pools may share a scheduler.
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        size: u32,
        scheduler: Arc<ScheduledThreadPool>,
    ) -> Self {
        let places = r2d2::Pool::builder()
            .max_size(size)
            // All places from the start: one made later would lie on top of the connected
            // ones.
            .min_idle(None)
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .error_handler(Box::new(NopErrorHandler))
            .thread_pool(scheduler)
            .build_unchecked(Places(Arc::clone(&endpoint)));
        Self {
            endpoint,
            size,
            places: RwLock::new(Some(places)),
            failure: Mutex::default(),
            attempts: Attempts::default(),
            in_use: Stoppers::default(),
        }
    }

    /// A connection that is neither broken nor closed by the server. If a new one is
    /// needed, this makes one attempt.
    ///
    /// # Blocking
    ///
    /// Until the deadline while all connections are in use; the attempt takes as
    /// long at most, and the connect timeout.
    ///
    /// # Errors
    ///
    /// That of the attempt; `Unavailable` if no connection is free in time, `Closed`.
    pub(crate) fn get(&self, deadline: &mut Deadline) -> Result<PooledWire> {
        self.endpoint.origin.ensure_here()?;
        let Some(places) = self.places.read().clone() else {
            return Err(self.closed());
        };
        let mut place = loop {
            let left = deadline.remaining().unwrap_or_default();
            let wait = match deadline.interrupt() {
                // The interrupt can't end this wait.
                Some(_) => left.min(LOOK_UP),
                None => left,
            };
            match places.get_timeout(wait) {
                Ok(place) => break place,
                Err(_) if wait < left => {}
                Err(_) => return Err(self.no_place(deadline.total())),
            }
        };
        // A connection that was in use a moment ago needs no check.
        let closely = place.was_used_within(MOMENT);
        if place.is_broken() || place.is_outdated() || !closely && place.is_stale() {
            place.abandon("it was closed while nobody used it");
            *place = self.connect(deadline)?;
        }
        place.begin(closely);
        Ok(PooledWire(place))
    }

    /// Ends all attempts to connect in [`get`](Self::get), now and later, with `Closed`.
    /// A caller that waits for a connection to come back goes on until one does, or its
    /// time is up. Connections in use end with their users.
    pub(crate) fn close(&self) {
        let places = self.places.write().take();
        drop(places);
        self.attempts.close();
    }

    /// Ends the connections themselves, now and later, also for their users.
    pub(super) fn cut(&self) {
        self.in_use.stop();
    }

    fn connect(&self, deadline: &mut Deadline) -> Result<Wire> {
        let timeout = deadline.remaining().unwrap_or(LEAST_ATTEMPT);
        let timeout = timeout.min(self.endpoint.connect_timeout);
        let interrupt = self.attempts.begin().ok_or_else(|| self.closed())?;
        if let Some(callers) = deadline.interrupt() {
            let ours = interrupt.clone();
            callers.on_end(move || ours.end());
            if callers.is_over() {
                interrupt.end();
            }
        }
        let mut attempt_by = Deadline::of(timeout).unless(&interrupt);
        let mut wire = Wire::connect_by(&self.endpoint, &mut attempt_by);
        self.attempts.end(&interrupt);
        if interrupt.complete() {
            wire = wire.and(Err(self.endpoint.ended()));
        } else {
            *self.failure.lock() = wire.as_ref().err().cloned();
        }
        wire.inspect(|wire| self.in_use.add(wire.stopper()))
            .map(|mut wire| {
                wire.expect_within(USUAL_REPLY);
                wire
            })
    }

    fn no_place(&self, timeout: Duration) -> Error {
        if self.places.read().is_none() {
            return self.closed();
        }
        // The callers that have the places probably wait for the server.
        if let Some(failure) = &*self.failure.lock() {
            return failure.clone();
        }
        let text = format!(
            "all {} pooled connections to Redis at {} were in use for {timeout:?}; raise `pool_size`",
            self.size,
            self.endpoint.address(),
        );
        Error::new(ErrorKind::Unavailable, text)
    }

    pub(super) fn closed(&self) -> Error {
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

/// A pooled connection, which goes back when dropped. A broken one, or one with
/// outstanding replies, is closed instead.
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

    /// Returns false, and closes a connection that can't be lent again: the place stays,
    /// and a waiting caller is woken at once.
    fn has_broken(&self, wire: &mut Wire) -> bool {
        if wire.outstanding() > 0 {
            wire.abandon("it was given back with replies outstanding");
        } else if wire.is_broken() {
            wire.abandon("nothing more is sent on it");
        }
        wire.rest();
        false
    }
}

/// The one thread that r2d2 wants, for any number of pools. With the default behaviour it
/// would stay until the last job in its queue is due.
///
/// The builder panics if the system is out of threads, and offers no other way. So a
/// thread is started first, whose error the caller gets. If another process takes the
/// last thread in between, the panic is caught.
///
/// # Errors
///
/// `System` if the system is out of threads.
pub(super) fn scheduler() -> Result<Arc<ScheduledThreadPool>> {
    const NAME: &str = "stream-pool";
    Thread::spawn(NAME, || {})?.join_by(Instant::now() + JOINED);
    let build = || {
        ScheduledThreadPool::builder()
            .num_threads(1)
            .on_drop_behavior(OnPoolDropBehavior::DiscardPendingScheduled)
            .thread_name_pattern(NAME)
            .build()
    };
    catch_unwind(build).map(Arc::new).map_err(|panic| {
        let text = format!("can't start the thread `{NAME}`: the system is out of threads");
        Error::new(ErrorKind::System, text).because(panic_text(panic))
    })
}
