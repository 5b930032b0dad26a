//! The lines of callers for each server.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::connection::Node;
use crate::producer::transport::lines::Lines;

/// The lines by the servers that their callers' messages are for. Callers whose server is
/// unknown have lines of their own.
#[derive(Debug)]
pub(super) struct NodeLines<J, A> {
    most_leaders: usize,
    unknown: Arc<Lines<J, A>>,
    lines: RwLock<Vec<NodeLine<J, A>>>,
}

#[derive(Debug)]
struct NodeLine<J, A> {
    node: Arc<Node>,
    its: Arc<Lines<J, A>>,
}

impl<J, A> NodeLines<J, A> {
    pub(super) fn new(most_leaders: usize) -> Self {
        Self {
            most_leaders,
            unknown: Arc::new(Lines::new(most_leaders)),
            lines: RwLock::default(),
        }
    }

    /// The lines for a server. When new ones are made, those of replaced servers are
    /// forgotten; their callers still have them.
    pub(super) fn of(&self, node: Option<&Arc<Node>>) -> Arc<Lines<J, A>> {
        let Some(node) = node else {
            return Arc::clone(&self.unknown);
        };
        let find = |lines: &[NodeLine<J, A>]| {
            let line = lines.iter().find(|line| Arc::ptr_eq(&line.node, node));
            line.map(|line| Arc::clone(&line.its))
        };
        if let Some(line) = find(&self.lines.read()) {
            return line;
        }
        let mut lines = self.lines.write();
        if let Some(line) = find(&lines) {
            return line;
        }
        lines.retain(|line| !line.node.is_retired());
        let its = Arc::new(Lines::new(self.most_leaders));
        lines.push(NodeLine {
            node: Arc::clone(node),
            its: Arc::clone(&its),
        });
        its
    }
}
