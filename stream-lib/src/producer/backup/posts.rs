//! The watch over the backup streams of one stream: one, or one for each partition.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::{SilentNodes, Topology};
use crate::error::Result;
use crate::keys::StreamKeys;
use crate::producer::backup::post::Post;
use crate::split::{KnownSplit, Split};

/// How long the lookup of the stream's partitions is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// The wait after that lookup failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits from this length on are for streams with nothing to move. With many partitions
/// they are longer, so that there are as many looks altogether as with [`OFTEN`].
const IDLE: Duration = Duration::from_secs(2);
const OFTEN: u32 = 8;

/// The posts of a stream, and the time at which each is due.
#[derive(Debug)]
pub(super) struct Posts {
    keys: StreamKeys,
    split: Arc<KnownSplit>,
    token: String,
    /// The split for which there are posts.
    of: Option<Split>,
    due: Vec<(Post, Instant)>,
}

impl Posts {
    pub(super) fn new(keys: StreamKeys, split: Arc<KnownSplit>, token: String) -> Self {
        Self {
            keys,
            split,
            token,
            of: None,
            due: Vec::new(),
        }
    }

    /// Lets the due post look. Returns the wait before the next look.
    pub(super) fn look(&mut self, topology: &Topology, silent: &mut SilentNodes) -> Duration {
        match self.split(topology, silent) {
            Ok(split) if self.of == Some(split) => {}
            Ok(split) => self.make(split),
            // The consumer reports an outage.
            Err(_) => return AGAIN,
        }
        let spread = u32::try_from(self.due.len()).unwrap_or(1) / OFTEN;
        if let Some((post, due)) = self.due.iter_mut().min_by_key(|(_, due)| *due) {
            let wait = post.look(topology, silent);
            let is_idle = wait >= IDLE / 2;
            *due = Instant::now() + if is_idle { wait * spread.max(1) } else { wait };
        }
        let next = self.due.iter().map(|(_, due)| *due).min();
        next.map_or(AGAIN, |due| due.saturating_duration_since(Instant::now()))
    }

    /// Whether the stream has partitions.
    fn split(&self, topology: &Topology, silent: &mut SilentNodes) -> Result<Split> {
        if let Some(known) = self.split.known() {
            return Ok(known);
        }
        let attempt = silent.begin(topology, self.keys.stream().as_bytes(), PATIENCE)?;
        let split = self.split.ask(Instant::now() + attempt.patience);
        silent.end(&attempt, &split);
        split
    }

    /// Lets others drain at once.
    pub(super) fn leave(&mut self, topology: &Topology) {
        for (post, _) in &mut self.due {
            post.leave(topology);
        }
    }

    fn make(&mut self, split: Split) {
        let now = Instant::now();
        let keys = split.keys_of(&self.keys).into_iter();
        self.due = keys
            .map(|keys| (Post::new(keys, self.token.clone()), now))
            .collect();
        self.of = Some(split);
    }
}
