//! The thread that looks for the master.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};

use super::board::Board;
use super::choice::{Vote, choose};
use super::roster::{Member, Roster};
use super::round::{Round, Said, ask_all};
use super::watch::Watches;
use crate::config::event::FailedOver;
use crate::config::{Address, AddressMap, FailoverHook};
use crate::connection::topology::leaving::Leaving;
use crate::connection::topology::maker::NodeMaker;
use crate::connection::topology::news::News;
use crate::connection::topology::search::Step;
use crate::error::{Error, Result, with_causes};
use crate::runtime::{Thread, Trouble};

/// How long all answers may be older than what is believed, until that was set up
/// again: news of a failover has reached most sentinels long before.
const OLDER: Duration = Duration::from_secs(15);

/// For threads that have been told to end.
const JOINED: Duration = Duration::from_secs(1);

/// Looks for the master called `name`.
pub(super) struct Seeker {
    pub(super) name: String,
    pub(super) board: Arc<Board>,
    pub(super) news: Arc<News>,
    pub(super) maker: NodeMaker,
    pub(super) roster: Roster,
    pub(super) map: Option<AddressMap>,
    pub(super) hook: Option<FailoverHook>,
    pub(super) found: Found,
}

/// What it has found so far, and has to see to.
#[derive(Default)]
pub(super) struct Found {
    believed: Option<Vote>,
    /// Since when all answers have been older than that.
    older_since: Option<Instant>,
    address: Option<Address>,
    watches: Watches,
    /// Of sentinels that have not answered in time.
    asking: Vec<Thread>,
    /// What these have said later.
    late: Option<Receiver<(Arc<Member>, Said)>>,
    leaving: Leaving,
    trouble: Trouble,
}

impl Seeker {
    /// Seeks until the board is closed.
    pub(super) fn run(mut self) {
        loop {
            match self.board.search.next(self.found.leaving.next()) {
                Step::AskNow | Step::AskAgain => self.ask(),
                Step::Alarm => {}
                Step::End => break,
            }
            self.found.leaving.cut_due();
        }
        self.end();
    }

    fn ask(&mut self) {
        self.learn_late();
        let at_least = self.found.believed.as_ref().map_or(0, |vote| vote.epoch);
        let closed = self.board.closed();
        let mut round = ask_all(self.roster.members(), &self.name, at_least, closed);
        self.found.asking.append(&mut round.threads);
        Thread::join_ended(&mut self.found.asking);
        for (sentinel, answer) in round.answers() {
            self.roster.learn(sentinel, answer);
        }
        self.found.late = Some(round.late.clone());
        let is_closed = matches!(
            self.board.closed().try_recv(),
            Err(TryRecvError::Disconnected)
        );
        if is_closed {
            // Those that had no time to answer are none that are missing.
            return self.board.search.round_ended(None);
        }
        let failure = self.decide(&round).err();
        self.tell(failure.as_ref());
        self.board.search.round_ended(failure);
        let watched = self.roster.members();
        self.found.watches.set(watched, &self.name, &self.board);
    }

    /// Takes note of what was said when the last round was over.
    fn learn_late(&mut self) {
        if let Some(late) = self.found.late.take() {
            for (sentinel, said) in late.try_iter() {
                if let Ok(answer) = said {
                    self.roster.learn(&sentinel, &answer);
                }
            }
        }
    }

    /// Goes where the sentinels say.
    fn decide(&mut self, round: &Round) -> Result<()> {
        let votes: Vec<_> = round.votes().cloned().collect();
        let believed = self.found.believed.as_ref();
        let newest = votes.iter().map(|vote| vote.epoch).max();
        let is_older = newest.is_some_and(|newest| believed.is_some_and(|b| newest < b.epoch));
        let since = self.found.older_since.filter(|_| is_older);
        let since = since.or_else(|| is_older.then(Instant::now));
        let is_lasting = since.is_some_and(|since| since.elapsed() >= OLDER);
        let chosen = choose(&votes, round.asked.len(), believed, is_lasting);
        self.found.older_since = since;
        let Some(vote) = chosen else {
            return Err(round.failure(&self.name));
        };
        let (host, port) = match &self.map {
            Some(map) => map.map(&vote.master.0, vote.master.1),
            None => vote.master.clone(),
        };
        let address = Address::tcp(&host, port, false);
        if self.found.address.as_ref() != Some(&address) {
            self.move_to(&address)?;
            self.found.address = Some(address);
        }
        self.found.believed = Some(vote);
        Ok(())
    }

    fn move_to(&mut self, address: &Address) -> Result<()> {
        let node = self.maker.node(address)?;
        let before = self.board.put(&node);
        if let Some(before) = before {
            let (from, to) = (before.endpoint().address().to_string(), address.to_string());
            self.found.leaving.add(before);
            self.news.announce();
            log::warn!(
                "failover of `{}`: {to} is the master now, in the place of {from}",
                self.name
            );
            if let Some(hook) = &self.hook {
                let (from, to) = (from.as_str(), to.as_str());
                hook.tell(&FailedOver { from, to });
            }
        } else {
            log::debug!("the master `{}` is at {address}", self.name);
            self.news.announce();
        }
        Ok(())
    }

    /// Tells of sentinels that don't answer while a master is known: callers get the
    /// error otherwise.
    fn tell(&self, failure: Option<&Error>) {
        let trouble = &self.found.trouble;
        match failure {
            Some(e) if self.found.address.is_some() && trouble.begins(e) => log::warn!(
                "a failover would be missed for now; connections stay with the master that is \
                 known: {}",
                with_causes(e)
            ),
            None if trouble.lasts() && trouble.ends() => {
                log::warn!("sentinels of `{}` answer again", self.name);
            }
            Some(_) | None => {}
        }
    }

    fn end(mut self) {
        for sentinel in self.roster.members() {
            sentinel.end();
        }
        self.found.leaving.cut_all();
        let deadline = Instant::now() + JOINED;
        self.found.watches.join_by(deadline);
        for thread in self.found.asking.drain(..) {
            thread.join_by(deadline);
        }
    }
}
