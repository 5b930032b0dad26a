//! The messages of one batch on their way straight to Redis, under the numbers of one
//! turn: one request for each partition that some of them go to.
//!
//! Messages of a partition go in their order, and none follows one without an answer.
//! Messages of other partitions may be written behind it: each partition has its own
//! mark.

use std::sync::Arc;
use std::time::Instant;

use crate::command::{Encoded, Outgoing, SpooledAdd};
use crate::connection::answer_of;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::added::Added;
use crate::producer::spool::{DirectTurn, Sequence, Spool};
use crate::producer::spooled::culprit::is_for_good;
use crate::producer::spooled::route::Route;

/// A batch, and its answers so far.
#[derive(Debug)]
pub(super) struct Direct<'a> {
    spool: &'a Spool,
    turn: &'a DirectTurn<'a>,
    batch: &'a Outgoing,
    deadline: Instant,
    answers: Vec<Option<Result<Added>>>,
}

/// The messages of one partition.
#[derive(Debug)]
struct Share<'r> {
    route: &'r Arc<Route>,
    places: Vec<usize>,
}

impl<'a> Direct<'a> {
    pub(super) fn new(
        spool: &'a Spool,
        turn: &'a DirectTurn<'a>,
        batch: &'a Outgoing,
        deadline: Instant,
    ) -> Self {
        Self {
            spool,
            turn,
            batch,
            deadline,
            answers: (0..batch.len()).map(|_| None).collect(),
        }
    }

    /// The places of messages without an answer.
    pub(super) fn open(&self) -> Vec<usize> {
        let places = self.answers.iter().enumerate();
        let open = places.filter(|(_, answer)| answer.is_none());
        open.map(|(place, _)| place).collect()
    }

    pub(super) fn into_answers(self) -> Vec<Option<Result<Added>>> {
        self.answers
    }

    /// Sends all messages, each by its route, which `way` finds.
    ///
    /// # Errors
    ///
    /// The error that left those that are [open](Self::open) without an answer. Redis may
    /// have them, if the error says so.
    pub(super) fn send<'r>(
        &mut self,
        whole: &'r Arc<Route>,
        way: impl Fn(Sequence, &Encoded<'_>) -> Option<&'r Arc<Route>>,
    ) -> Result<()> {
        let mut most = self.batch.len();
        loop {
            let mut open = self.open();
            open.truncate(most);
            if open.is_empty() {
                return Ok(());
            }
            let shares = self.shares(&open, whole, &way);
            for share in &shares {
                let first = self.number_of_first(share);
                share.route.meet_by(self.deadline, self.spool, first)?;
            }
            most = self.batch.len();
            for share in &shares {
                let sent = self.send_share(share);
                let Err(error) = sent.and_then(|answers| self.note(share, answers)) else {
                    continue;
                };
                if !is_for_good(&error) {
                    return Err(error);
                }
                if let [place] = *share.places {
                    self.answer(place, Err(error));
                } else {
                    // The other messages may be sound: they go without it.
                    most = share.places.len() / 2;
                }
                break;
            }
        }
    }

    fn shares<'r>(
        &self,
        places: &[usize],
        whole: &'r Arc<Route>,
        way: &impl Fn(Sequence, &Encoded<'_>) -> Option<&'r Arc<Route>>,
    ) -> Vec<Share<'r>> {
        let mut shares: Vec<Share<'r>> = Vec::new();
        let mut places = places.iter().copied().peekable();
        for (place, message) in self.batch.iter().enumerate() {
            if places.next_if_eq(&place).is_none() {
                continue;
            }
            let route = way(self.turn.number(place), &message).unwrap_or(whole);
            match shares.iter_mut().find(|s| Arc::ptr_eq(s.route, route)) {
                Some(share) => share.places.push(place),
                None => shares.push(Share {
                    route,
                    places: vec![place],
                }),
            }
        }
        shares
    }

    fn number_of_first(&self, share: &Share<'_>) -> Sequence {
        let first = share.places.first().copied().unwrap_or_default();
        self.turn.number(first)
    }

    fn send_share(&self, share: &Share<'_>) -> Result<Vec<Result<SpooledAdd>>> {
        let batch;
        let batch = if share.places.len() == self.batch.len() {
            self.batch
        } else {
            batch = self.batch.pick(&share.places);
            &batch
        };
        let numbers = share.places.iter().map(|place| self.turn.number(*place));
        let numbers: Vec<_> = numbers.collect();
        let sent = share
            .route
            .send_by(self.deadline, self.spool, &numbers, batch);
        match sent {
            Ok(answers) if answers.is_empty() => Err(Error::new(ErrorKind::Protocol, "no answer")),
            sent => sent,
        }
    }

    /// Passes on the answers of Redis. After an error, and after a message that is to be
    /// sent again, later ones have no answer yet.
    fn note(&mut self, share: &Share<'_>, answers: Vec<Result<SpooledAdd>>) -> Result<()> {
        for (place, answer) in share.places.iter().zip(answers) {
            let answer = match answer {
                Ok(SpooledAdd::Now(placed)) => Ok(Added::from(placed)),
                // It was never sent before: a copy of the spool has used its number.
                Ok(SpooledAdd::Before) => return share.route.rename(self.spool),
                Err(e) if answer_of(&e).may_pass() => return Err(e),
                Err(e) => Err(e),
            };
            self.answer(*place, answer);
        }
        Ok(())
    }

    fn answer(&mut self, place: usize, answer: Result<Added>) {
        if let Some(slot) = self.answers.get_mut(place) {
            *slot = Some(answer);
        }
    }
}
