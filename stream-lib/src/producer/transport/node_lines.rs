//! One line of callers for each server.

use std::sync::Arc;

use parking_lot::RwLock;

use crate::connection::Node;
use crate::producer::transport::line::Line;

/// The lines by the servers that their callers' messages are for. Callers that come
/// while that is unknown have a line of their own.
#[derive(Debug)]
pub(super) struct NodeLines<J, A> {
    most_leaders: usize,
    unknown: Arc<Line<J, A>>,
    lines: RwLock<Vec<NodeLine<J, A>>>,
}

#[derive(Debug)]
struct NodeLine<J, A> {
    node: Arc<Node>,
    line: Arc<Line<J, A>>,
}

impl<J, A> NodeLines<J, A> {
    pub(super) fn new(most_leaders: usize) -> Self {
        Self {
            most_leaders,
            unknown: Arc::new(Line::new(most_leaders)),
            lines: RwLock::default(),
        }
    }

    /// The line for a server. Where a new one has to be made, those of servers that
    /// were replaced are forgotten; their callers still have them.
    pub(super) fn of(&self, node: Option<&Arc<Node>>) -> Arc<Line<J, A>> {
        let Some(node) = node else {
            return Arc::clone(&self.unknown);
        };
        let find = |lines: &[NodeLine<J, A>]| {
            let line = lines.iter().find(|line| Arc::ptr_eq(&line.node, node));
            line.map(|line| Arc::clone(&line.line))
        };
        if let Some(line) = find(&self.lines.read()) {
            return line;
        }
        let mut lines = self.lines.write();
        if let Some(line) = find(&lines) {
            return line;
        }
        lines.retain(|line| !line.node.is_retired());
        let line = Arc::new(Line::new(self.most_leaders));
        lines.push(NodeLine {
            node: Arc::clone(node),
            line: Arc::clone(&line),
        });
        line
    }
}
