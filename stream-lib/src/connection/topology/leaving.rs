//! Servers that were replaced, until their connections are cut.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::node::Node;

/// The time for requests under way at a replaced server. It still answers them after a
/// planned failover, and after its last slot has moved.
const LAST_ANSWERS: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(super) struct Leaving(Vec<(Instant, Arc<Node>)>);

impl Leaving {
    /// Lends no connection to this server any more, and cuts those that are lent soon.
    pub(super) fn add(&mut self, node: Arc<Node>) {
        node.retire();
        self.0.push((Instant::now() + LAST_ANSWERS, node));
    }

    /// When the next one is to be cut.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    /// Cuts those whose time has come.
    pub(super) fn cut_due(&mut self) {
        let now = Instant::now();
        for (_, node) in self.0.extract_if(.., |(at, _)| *at <= now) {
            node.cut();
        }
    }

    pub(super) fn cut_all(&mut self) {
        for (_, node) in self.0.drain(..) {
            node.cut();
        }
    }
}
