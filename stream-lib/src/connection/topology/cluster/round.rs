//! A round of questions to some nodes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::bounded;

use super::map::Map;
use super::roster::{ANSWER, Member};
use crate::config::AddressMap;
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::runtime::Thread;

/// How long to wait for the others after the first answer.
const AFTER_FIRST: Duration = Duration::from_millis(100);

/// The answers of a round.
#[derive(Debug, Default)]
pub(super) struct Round {
    said: Vec<(Arc<Member>, Result<Map>)>,
    asked: Vec<Arc<Member>>,
    /// The threads of nodes that have not answered yet; they end soon.
    pub(super) threads: Vec<Thread>,
}

impl Round {
    /// Asks all of them at the same time, and adds their answers.
    ///
    /// # Blocking
    ///
    /// At most [`ANSWER`] and a moment.
    pub(super) fn ask(&mut self, nodes: &[Arc<Member>], addresses: Option<&AddressMap>) {
        self.asked.extend_from_slice(nodes);
        if let [only] = nodes {
            self.said.push((Arc::clone(only), only.ask(addresses)));
            return;
        }
        let (tell, told) = bounded(nodes.len());
        for node in nodes {
            let (tell, addresses) = (tell.clone(), addresses.cloned());
            let asked = Arc::clone(node);
            let spawned = Thread::spawn("stream-cluster-ask", move || {
                let said = asked.ask(addresses.as_ref());
                // The round may be over.
                let _ = tell.send((asked, said));
            });
            match spawned {
                Ok(thread) => self.threads.push(thread),
                Err(e) => self.said.push((Arc::clone(node), Err(e))),
            }
        }
        drop(tell);
        // Each request ends by itself before that.
        let mut until = Instant::now() + ANSWER + AFTER_FIRST;
        while let Ok((node, said)) = told.recv_deadline(until) {
            if said.is_ok() {
                until = until.min(Instant::now() + AFTER_FIRST);
            }
            self.said.push((node, said));
        }
    }

    /// The map of the node with the newest configuration; of several, the first to come.
    pub(super) fn newest(&self) -> Option<&Map> {
        let maps = self.said.iter().filter_map(|(_, said)| said.as_ref().ok());
        // Of several equal ones, `max_by_key` takes the last.
        maps.rev().max_by_key(|map| map.epoch)
    }

    /// Whether a node has answered, even with an error.
    pub(super) fn has_heard(&self, node: &Arc<Member>) -> bool {
        self.said.iter().any(|(other, _)| Arc::ptr_eq(other, node))
    }

    /// The error of a round without a map, with the answer of each node.
    pub(super) fn failure(&self) -> Error {
        let each = self.said.iter().filter_map(|(node, said)| {
            let error = said.as_ref().err()?;
            Some(format!(
                "{}: {}",
                node.endpoint.address(),
                with_causes(error)
            ))
        });
        let silent = self.asked.iter().filter(|node| !self.has_heard(node));
        let silent = silent.map(|node| {
            let address = node.endpoint.address();
            format!("{address} has not answered in time")
        });
        let each: Vec<_> = each.chain(silent).collect();
        let text = format!(
            "no node of the cluster says where the slots are: {}",
            each.join("; ")
        );
        Error::new(self.kind_of_failure(), text)
    }

    /// The kind of all answers, if it is the same.
    fn kind_of_failure(&self) -> ErrorKind {
        let kind = |error: &Error| match error.kind() {
            // The server has no such command, or is no node of a cluster.
            ErrorKind::Server => ErrorKind::Config,
            kind => kind,
        };
        let mut kinds = self.said.iter();
        let mut kinds = kinds
            .by_ref()
            .filter_map(|(_, said)| said.as_ref().err().map(kind));
        let first = kinds.next().filter(|_| self.said.len() == self.asked.len());
        first
            .filter(|first| kinds.all(|kind| kind == *first))
            .unwrap_or(ErrorKind::Unavailable)
    }
}
