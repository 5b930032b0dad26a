//! Facts about other nodes that a connection to one node of a cluster needs.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::redirect::Redirect;
use super::reply::Reply;
use crate::config::Address;
use crate::error::Result;

/// Knows the nodes of a cluster.
pub(super) trait Guide: fmt::Debug + Send + Sync {
    /// Records that a slot has moved, as the node at `from` says.
    fn note(&self, moved: &Redirect, from: &Address);

    /// Records that a node doesn't answer: it may have been replaced without any notice.
    fn stalls(&self);

    /// Sends a request that the node at `from` has refused to the node that it named, and
    /// returns that node's answer and address.
    ///
    /// # Errors
    ///
    /// Those of one attempt to connect and of an exchange, each within `time`;
    /// `Unavailable` if the node has no name.
    fn exchange(
        &self,
        redirect: &Redirect,
        from: &Address,
        packed: &[u8],
        time: Duration,
    ) -> Result<(Reply, Address)>;
}

/// The guide of a node; none without a cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Guided(Option<Weak<dyn Guide>>);

impl Guided {
    pub(super) fn by(guide: Weak<dyn Guide>) -> Self {
        Self(Some(guide))
    }

    /// Whether there is a cluster.
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Reports that a node has not answered for longer than usual.
    #[cold]
    pub(super) fn stalls(&self) {
        if let Some(guide) = self.guide() {
            guide.stalls();
        }
    }

    /// The guide, as long as the topology is there.
    pub(super) fn guide(&self) -> Option<Arc<dyn Guide>> {
        self.0.as_ref()?.upgrade()
    }
}
