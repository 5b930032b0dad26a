//! Servers that don't answer, as remembered by a thread that looks after many streams.
//!
//! The first try to reach a server takes its time. After it fails, the server is left
//! alone for a while, and then tried only briefly, so that other work on the thread comes
//! next.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::node::Node;
use super::topology::Topology;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Backoff;

/// A failure that took this long is remembered.
const LONG: Duration = Duration::from_millis(400);

/// How long the server is left alone; it grows.
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(4);

/// How long it is tried after that.
const MOMENT: Duration = Duration::from_millis(250);

/// The servers that have not answered.
#[derive(Debug, Default)]
pub(crate) struct SilentNodes(Vec<Silent>);

#[derive(Debug)]
struct Silent {
    /// Dangling if the server of the key is unknown.
    node: Weak<Node>,
    until: Instant,
    error: Error,
    rests: Backoff,
}

/// A server that is left alone.
#[derive(Debug)]
pub(crate) struct Resting {
    pub(crate) until: Instant,
    /// The last failure. Nothing was sent this time.
    pub(crate) error: Error,
}

/// A try to reach the server of a key.
#[derive(Debug)]
pub(crate) struct Attempt {
    node: Weak<Node>,
    began: Instant,
    /// How long it may take.
    pub(crate) patience: Duration,
}

impl SilentNodes {
    /// Begins a try, which takes at most `usual`, or a moment if the server has not
    /// answered before. There is no try while the server is left alone.
    pub(crate) fn begin(
        &mut self,
        topology: &Topology,
        key: &[u8],
        usual: Duration,
    ) -> std::result::Result<Attempt, Resting> {
        let node = topology.node_for(key);
        let node = node.as_ref().map(Arc::downgrade).unwrap_or_default();
        self.begin_at(node, usual, Instant::now())
    }

    fn begin_at(
        &mut self,
        node: Weak<Node>,
        usual: Duration,
        now: Instant,
    ) -> std::result::Result<Attempt, Resting> {
        // Servers that were replaced are dropped.
        let is_unknown = |node: &Weak<Node>| Weak::ptr_eq(node, &Weak::new());
        self.0
            .retain(|silent| silent.node.strong_count() > 0 || is_unknown(&silent.node));
        let mut patience = usual;
        if let Some(silent) = self.0.iter().find(|s| Weak::ptr_eq(&s.node, &node)) {
            if now < silent.until {
                return Err(Resting {
                    until: silent.until,
                    error: silent.error.clone().of_kind(ErrorKind::Unavailable),
                });
            }
            patience = usual.min(MOMENT);
        }
        Ok(Attempt {
            node,
            began: now,
            patience,
        })
    }

    /// Records the end of a try.
    pub(crate) fn end<T>(&mut self, attempt: &Attempt, ended: &Result<T>) {
        self.end_at(attempt, ended, Instant::now());
    }

    fn end_at<T>(&mut self, attempt: &Attempt, ended: &Result<T>, now: Instant) {
        let known = self
            .0
            .iter()
            .position(|silent| Weak::ptr_eq(&silent.node, &attempt.node));
        let known = known.map(|at| self.0.swap_remove(at));
        let Err(error) = ended else {
            return;
        };
        let is_silence = matches!(
            error.kind(),
            ErrorKind::Unavailable | ErrorKind::OutcomeUnknown
        );
        let took = now.saturating_duration_since(attempt.began);
        if !is_silence || known.is_none() && took < LONG {
            return;
        }
        let mut rests = known.map_or_else(
            || Backoff::new(FIRST_REST, LONGEST_REST),
            |silent| silent.rests,
        );
        self.0.push(Silent {
            node: Weak::clone(&attempt.node),
            until: now + rests.next(),
            error: error.clone(),
            rests,
        });
    }
}

impl From<Resting> for Error {
    fn from(resting: Resting) -> Self {
        resting.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConnectionConfig;

    const USUAL: Duration = Duration::from_secs(2);

    fn node() -> Arc<Node> {
        let config = ConnectionConfig::new("redis+unix:///nowhere/redis.sock").unwrap();
        Topology::new(&config).unwrap().node_for(b"k").unwrap()
    }

    fn silence() -> Result<()> {
        Err(Error::new(ErrorKind::Unavailable, "no answer"))
    }

    #[test]
    fn a_silent_server_is_tried_at_length_once_and_others_as_ever() {
        let (dead, healthy) = (node(), node());
        let mut nodes = SilentNodes::default();
        let now = Instant::now();
        let begin = |nodes: &mut SilentNodes, node: &Arc<Node>, at: Instant| {
            nodes.begin_at(Arc::downgrade(node), USUAL, at)
        };
        let first = begin(&mut nodes, &dead, now).unwrap();
        assert_eq!(first.patience, USUAL);
        let mut at = now + USUAL;
        nodes.end_at(&first, &silence(), at);
        for _ in 0..5 {
            let resting = begin(&mut nodes, &dead, at).unwrap_err();
            assert_eq!(resting.error.kind(), ErrorKind::Unavailable);
            assert!(resting.until > at && resting.until < at + 2 * LONGEST_REST);
            assert_eq!(begin(&mut nodes, &healthy, at).unwrap().patience, USUAL);
            at += 2 * LONGEST_REST;
            let again = begin(&mut nodes, &dead, at).unwrap();
            assert_eq!(again.patience, MOMENT);
            at += MOMENT;
            nodes.end_at(&again, &silence(), at);
        }
        at += 2 * LONGEST_REST;
        let last = begin(&mut nodes, &dead, at).unwrap();
        nodes.end_at(&last, &Ok(()), at);
        assert_eq!(begin(&mut nodes, &dead, at).unwrap().patience, USUAL);
    }

    #[test]
    fn only_long_silence_is_remembered() {
        let node = node();
        let mut nodes = SilentNodes::default();
        let now = Instant::now();
        let refused = Err::<(), _>(Error::new(ErrorKind::Refused, "LOADING"));
        for (ended, took) in [(silence(), LONG / 2), (refused, USUAL)] {
            let attempt = nodes.begin_at(Arc::downgrade(&node), USUAL, now).unwrap();
            nodes.end_at(&attempt, &ended, now + took);
            assert!(nodes.0.is_empty());
        }
        // It is unknown which server has the key.
        let attempt = nodes.begin_at(Weak::new(), USUAL, now).unwrap();
        nodes.end_at(&attempt, &silence(), now + USUAL);
        nodes.begin_at(Weak::new(), USUAL, now).unwrap_err();
        nodes
            .begin_at(Arc::downgrade(&node), USUAL, now)
            .expect("it is another one");
    }
}
