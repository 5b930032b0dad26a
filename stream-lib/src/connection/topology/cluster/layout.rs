//! The cluster, as callers see it.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::address::reachable;
use super::board::Board;
use super::roster::{ANSWER, Roster};
use super::seeker::{Found, Seeker};
use crate::config::{Address, AddressMap, ConnectionConfig, Place};
use crate::connection::deadline::Deadline;
use crate::connection::endpoint::Blueprint;
use crate::connection::guide::{Guide, Guided};
use crate::connection::node::Node;
use crate::connection::pool::PooledWire;
use crate::connection::redirect::Redirect;
use crate::connection::reply::Reply;
use crate::connection::slots::slot_of;
use crate::connection::topology::maker::NodeMaker;
use crate::connection::topology::news::News;
use crate::connection::wire::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Origin, Thread, on_library_thread};

/// The time to join threads that look for slots.
const JOINED: Duration = Duration::from_secs(2);

/// The nodes of a cluster, and the thread that finds out about them. Dropping it
/// closes it.
pub(in crate::connection::topology) struct Cluster {
    nodes: Arc<Nodes>,
    seeker: Mutex<Option<Thread>>,
    /// The process that has the thread.
    origin: Origin,
}

/// The nodes, for callers and for connections to them alike.
#[derive(Debug)]
struct Nodes {
    board: Arc<Board>,
    news: Arc<News>,
    maker: Arc<NodeMaker>,
    map: Option<AddressMap>,
}

impl Cluster {
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
        let Place::Cluster { addresses, .. } = &config.place else {
            return Err(Error::new(ErrorKind::Config, "no nodes are given"));
        };
        let blueprint = Blueprint::for_questions(config, ANSWER)?;
        let roster = Roster::new(blueprint, config.address_map.clone(), addresses)?;
        let nodes = Arc::new_cyclic(|nodes: &Weak<Nodes>| {
            let guide: Weak<dyn Guide> = nodes.clone();
            Nodes {
                board: Arc::default(),
                news,
                maker: Arc::new(maker.guided_by(Guided::by(guide))),
                map: config.address_map.clone(),
            }
        });
        let seeker = Seeker {
            board: Arc::clone(&nodes.board),
            news: Arc::clone(&nodes.news),
            maker: Arc::clone(&nodes.maker),
            roster,
            hook: config.failover_hook.clone(),
            found: Found::default(),
        };
        let seeker = Thread::spawn("stream-cluster", move || seeker.run())?;
        Ok(Self {
            nodes,
            seeker: Mutex::new(Some(seeker)),
            origin: Origin::here(),
        })
    }

    /// The node of a key, as far as known.
    pub(in crate::connection::topology) fn node_for(&self, key: &[u8]) -> Option<Arc<Node>> {
        self.nodes.board.owner(slot(key))
    }

    /// As [`node_for`](Self::node_for); an unknown node is looked for until the deadline,
    /// in one round of requests.
    ///
    /// # Errors
    ///
    /// The answers of all nodes; `Closed`.
    pub(in crate::connection::topology) fn locate(
        &self,
        key: &[u8],
        deadline: &mut Deadline,
    ) -> Result<Arc<Node>> {
        self.origin.ensure_here()?;
        self.nodes.board.locate(slot(key), deadline)
    }

    /// A connection for the one request that the node of `key` has refused.
    ///
    /// # Errors
    ///
    /// Those of one attempt to connect.
    pub(in crate::connection::topology) fn lend(
        &self,
        key: &[u8],
        redirect: &Redirect,
        deadline: &mut Deadline,
    ) -> Result<PooledWire> {
        let from = self.locate(key, deadline)?;
        self.nodes
            .lend(redirect, from.endpoint().address(), deadline)
    }

    /// As [`lend`](Self::lend), for a connection outside of the pool, with its node.
    ///
    /// # Errors
    ///
    /// As [`lend`](Self::lend).
    pub(in crate::connection::topology) fn connect(
        &self,
        key: &[u8],
        redirect: &Redirect,
        deadline: &mut Deadline,
    ) -> Result<(Wire, Arc<Node>)> {
        let from = self.locate(key, deadline)?;
        let node = self.nodes.named(redirect, from.endpoint().address())?;
        let mut wire = node.connect_by(deadline)?;
        wire.set_asking(redirect.is_ask);
        Ok((wire, node))
    }

    /// Asks some nodes again soon.
    pub(in crate::connection::topology) fn refresh(&self) {
        self.nodes.board.search.want_rounds();
    }

    /// Ends the threads, and the lending of connections.
    pub(in crate::connection::topology) fn close(&self) {
        if !self.origin.is_here() {
            return;
        }
        self.nodes.board.close();
        let seeker = self.seeker.lock().take();
        if let Some(seeker) = seeker
            && !on_library_thread()
        {
            seeker.join_by(Instant::now() + JOINED);
        }
    }
}

/// The slot of a key; `None` for the empty key, which any node serves.
fn slot(key: &[u8]) -> Option<u16> {
    (!key.is_empty()).then(|| slot_of(key))
}

impl Nodes {
    fn named(&self, redirect: &Redirect, from: &Address) -> Result<Arc<Node>> {
        let (host, port) = (&redirect.host, redirect.port);
        let Some(address) = reachable(host, port, from, self.map.as_ref()) else {
            let text = format!(
                "{from} has sent a request on to a node without a name: set \
                 `cluster-announce-hostname` on all nodes"
            );
            self.board.search.want_rounds();
            return Err(Error::new(ErrorKind::Unavailable, text));
        };
        if let Some(node) = self.board.table.read().at(&address)
            && !redirect.is_ask
        {
            return Ok(Arc::clone(node));
        }
        let make = |address: &_| self.maker.node(address);
        let mut table = self.board.table.write();
        let node = table.node(&address, make)?;
        if redirect.is_ask {
            table.takes(&node, Instant::now());
        }
        Ok(node)
    }

    fn lend(
        &self,
        redirect: &Redirect,
        from: &Address,
        deadline: &mut Deadline,
    ) -> Result<PooledWire> {
        let node = self.named(redirect, from)?;
        let mut wire = node.pool().get(deadline)?;
        wire.set_asking(redirect.is_ask);
        Ok(wire)
    }
}

impl Guide for Nodes {
    fn note(&self, moved: &Redirect, from: &Address) {
        // If it has no name, callers get the error.
        if let Ok(node) = self.named(moved, from) {
            let now = Instant::now();
            if self.board.table.write().patch(moved.slot, &node, now) {
                let to = node.endpoint().address();
                log::debug!("slot {} is at {to}, as {from} says", moved.slot);
                self.news.announce();
            }
        }
        self.board.search.want_rounds();
    }

    fn stalls(&self) {
        self.board.search.want_rounds();
    }

    fn exchange(
        &self,
        redirect: &Redirect,
        from: &Address,
        packed: &[u8],
        time: Duration,
    ) -> Result<(Reply, Address)> {
        let mut deadline = Deadline::of(time);
        let mut wire = self.lend(redirect, from, &mut deadline)?;
        wire.answer_by(Instant::now() + time);
        wire.send(packed, 1)?;
        let timeout = wire.response_timeout();
        let reply = wire.receive_owned(timeout)?;
        Ok((reply, wire.endpoint().address().clone()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}
