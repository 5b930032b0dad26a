//! The master, as callers see it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::board::Board;
use super::roster::{ANSWER, Roster};
use super::seeker::{Found, Seeker};
use crate::config::{ConnectionConfig, Place};
use crate::connection::deadline::Deadline;
use crate::connection::endpoint::Blueprint;
use crate::connection::node::Node;
use crate::connection::topology::maker::NodeMaker;
use crate::connection::topology::news::News;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Origin, Thread, on_library_thread};

/// The time to join threads that look for the master.
const JOINED: Duration = Duration::from_secs(2);

/// The master that sentinels watch, and the thread that looks for it. Dropping it
/// closes it.
pub(in crate::connection::topology) struct Sentinel {
    board: Arc<Board>,
    seeker: Mutex<Option<Thread>>,
    /// The process that has the thread.
    origin: Origin,
}

impl Sentinel {
    /// Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// `Config` if a value is out of its bounds, `System` if the system is out of
    /// threads.
    pub(in crate::connection::topology) fn new(
        config: &ConnectionConfig,
        maker: NodeMaker,
        news: Arc<News>,
    ) -> Result<Self> {
        let Place::Sentinels {
            master, addresses, ..
        } = &config.place
        else {
            return Err(Error::new(ErrorKind::Config, "no sentinels are given"));
        };
        let blueprint = Blueprint::for_sentinels(config, ANSWER)?;
        let map = config.address_map.clone();
        let board = Arc::new(Board::default());
        let seeker = Seeker {
            name: master.clone(),
            board: Arc::clone(&board),
            news,
            maker,
            roster: Roster::new(blueprint, map.clone(), addresses)?,
            map,
            hook: config.failover_hook.clone(),
            found: Found::default(),
        };
        let seeker = Thread::spawn("stream-sentinel", move || seeker.run())?;
        Ok(Self {
            board,
            seeker: Mutex::new(Some(seeker)),
            origin: Origin::here(),
        })
    }

    /// The node of the master, as far as known.
    pub(in crate::connection::topology) fn master(&self) -> Option<Arc<Node>> {
        self.board.master()
    }

    /// As [`master`](Self::master); an unknown master is looked for until the deadline,
    /// in one round of requests.
    ///
    /// # Errors
    ///
    /// The answers of all sentinels; `Closed`.
    pub(in crate::connection::topology) fn locate(
        &self,
        deadline: &mut Deadline,
    ) -> Result<Arc<Node>> {
        self.origin.ensure_here()?;
        self.board.locate(deadline)
    }

    /// Asks the sentinels again soon.
    pub(in crate::connection::topology) fn refresh(&self) {
        // A forked child has no thread that would look, and locks may be held there for
        // ever.
        if self.origin.is_here() {
            self.board.search.want_round();
        }
    }

    /// Ends the threads, and the lending of connections.
    pub(in crate::connection::topology) fn close(&self) {
        if !self.origin.is_here() {
            return;
        }
        self.board.close();
        if on_library_thread() {
            return;
        }
        let seeker = self.seeker.lock().take();
        if let Some(seeker) = seeker {
            seeker.join_by(Instant::now() + JOINED);
        }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Sentinel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinel")
            .field("master", &self.board.master())
            .finish_non_exhaustive()
    }
}
