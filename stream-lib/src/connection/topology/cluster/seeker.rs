//! The thread that finds out which node has which slots.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Board;
use super::map::Map;
use super::roster::Roster;
use super::round::Round;
use super::table::Changes;
use crate::config::FailoverHook;
use crate::config::event::FailedOver;
use crate::connection::topology::leaving::Leaving;
use crate::connection::topology::maker::NodeMaker;
use crate::connection::topology::news::News;
use crate::connection::topology::search::Step;
use crate::error::{Error, Result, with_causes};
use crate::runtime::{Thread, Trouble};

/// How many nodes are asked at a time where something has failed.
const SOME: usize = 3;

/// For threads that have been told to end.
const JOINED: Duration = Duration::from_secs(1);

pub(super) struct Seeker {
    pub(super) board: Arc<Board>,
    pub(super) news: Arc<News>,
    pub(super) maker: Arc<NodeMaker>,
    pub(super) roster: Roster,
    pub(super) hook: Option<FailoverHook>,
    pub(super) found: Found,
}

/// What it has found so far, and has to see to.
#[derive(Default)]
pub(super) struct Found {
    /// There was a map before.
    knows: bool,
    /// Of nodes that have not answered in time.
    asking: Vec<Thread>,
    /// Nodes that have no slots any more.
    leaving: Leaving,
    trouble: Trouble,
}

impl Seeker {
    /// Seeks until the board is closed.
    pub(super) fn run(mut self) {
        loop {
            match self.board.search.next(self.found.leaving.next()) {
                Step::AskNow => self.ask(SOME),
                Step::AskAgain => self.ask(1),
                Step::Alarm => {}
                Step::End => break,
            }
            self.found.leaving.cut_due();
        }
        self.end();
    }

    fn ask(&mut self, most: usize) {
        let addresses = self.roster.map.clone();
        let mut round = Round::default();
        let chosen = self.roster.choose(most);
        round.ask(&chosen, addresses.as_ref());
        if round.newest().is_none() && !self.board.search.is_over() {
            // Whoever else there is, the seeds included.
            let others = self.roster.members().iter();
            let others = others.filter(|node| !round.has_heard(node) && !node.is_busy());
            let others: Vec<_> = others.map(Arc::clone).collect();
            round.ask(&others, addresses.as_ref());
        }
        self.found.asking.append(&mut round.threads);
        Thread::join_ended(&mut self.found.asking);
        let outcome = match round.newest() {
            Some(map) => self.apply(map).map(|()| map.ranges.len()),
            None => Err(round.failure()),
        };
        self.tell(outcome.as_ref().err());
        self.board.round_ended(outcome);
    }

    fn apply(&mut self, map: &Map) -> Result<()> {
        let now = Instant::now();
        let make = |address: &_| self.maker.node(address);
        let changes = self.board.table.write().apply(map, now, make)?;
        let masters = map.ranges.iter().filter_map(|range| range.master.as_ref());
        let masters: BTreeSet<_> = masters.collect();
        self.roster
            .keep(&masters.iter().map(ToString::to_string).collect());
        for master in masters {
            self.roster.add(master)?;
        }
        if self.board.search.is_over() {
            self.board.close();
        }
        self.follow(changes);
        Ok(())
    }

    fn follow(&mut self, changes: Changes) {
        for node in changes.gone {
            self.found.leaving.add(node);
        }
        if !changes.any {
            return;
        }
        self.news.announce();
        if !std::mem::replace(&mut self.found.knows, true) {
            return log::debug!("the nodes of the cluster have told where the slots are");
        }
        for (from, to) in changes.replaced {
            let (from, to) = (from.endpoint().address(), to.endpoint().address());
            log::warn!("failover: {to} has the slots now that {from} had");
            if let Some(hook) = &self.hook {
                let (from, to) = (from.to_string(), to.to_string());
                let (from, to) = (from.as_str(), to.as_str());
                hook.tell(&FailedOver { from, to });
            }
        }
    }

    /// Tells of nodes that don't answer while slots are known: callers get the error
    /// otherwise.
    fn tell(&self, failure: Option<&Error>) {
        let trouble = &self.found.trouble;
        match failure {
            Some(e) if self.found.knows && trouble.begins(e) => log::warn!(
                "slots that move would be missed for now; connections stay with the nodes that are \
                 known: {}",
                with_causes(e)
            ),
            None if trouble.lasts() && trouble.ends() => {
                log::warn!("nodes of the cluster answer again");
            }
            Some(_) | None => {}
        }
    }

    fn end(mut self) {
        for node in self.roster.members() {
            node.end();
        }
        self.found.leaving.cut_all();
        let deadline = Instant::now() + JOINED;
        for thread in self.found.asking.drain(..) {
            thread.join_by(deadline);
        }
    }
}
