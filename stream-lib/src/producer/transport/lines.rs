//! The lines of a coalescer: one for adds that wait for no replicas, and one for each
//! number of replicas and time that others wait for.
//!
//! A `WAIT` holds up everything behind it on its connection, so only adds that ask for
//! the same one meet in a line.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::Replicas;
use crate::producer::transport::line::Line;

#[derive(Debug)]
pub(super) struct Lines<J, A> {
    plain: Line<J, A>,
    /// There are as many as different settings.
    waiting: Mutex<Vec<WaitingLine<J, A>>>,
    most_leaders: usize,
}

/// The line of callers that wait for the same replicas.
#[derive(Debug)]
struct WaitingLine<J, A> {
    replicas: Replicas,
    line: Arc<Line<J, A>>,
}

impl<J, A> Lines<J, A> {
    pub(super) fn new(most_leaders: usize) -> Self {
        Self {
            plain: Line::new(most_leaders),
            waiting: Mutex::default(),
            most_leaders,
        }
    }

    /// Joins the line of callers that wait for these replicas.
    pub(super) fn with<T>(
        &self,
        replicas: Option<Replicas>,
        join: impl FnOnce(&Line<J, A>) -> T,
    ) -> T {
        match replicas {
            None => join(&self.plain),
            Some(replicas) => join(&self.waiting_for(replicas)),
        }
    }

    fn waiting_for(&self, replicas: Replicas) -> Arc<Line<J, A>> {
        let mut lines = self.waiting.lock();
        if let Some(known) = lines.iter().find(|known| known.replicas == replicas) {
            return Arc::clone(&known.line);
        }
        let line = Arc::new(Line::new(self.most_leaders));
        lines.push(WaitingLine {
            replicas,
            line: Arc::clone(&line),
        });
        line
    }
}
