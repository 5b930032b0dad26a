//! Sends the messages of a spool, oldest first, and sets aside those that Redis refuses
//! for good.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::command::{Outgoing, SpooledAdd};
use crate::connection::{Loans, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::producer::spool::{Record, Sequence, Spool, SpoolId};
use crate::producer::spooled::culprit::{Failed, Search, is_refusal};
use crate::producer::spooled::envelope;
use crate::producer::spooled::route::{PATIENCE, Route};
use crate::producer::spooled::routes::{RouteParts, Routes};

/// The bounds of one request.
const MESSAGES: usize = 256;
const BYTES: u64 = 1 << 20;

/// Sends the messages of a spool.
pub(super) struct Sender {
    spool: Arc<Spool>,
    routes: Arc<Routes>,
    search: Search,
    /// Whether the last request failed, and the next one is smaller.
    narrows: bool,
}

/// One step towards an empty spool.
pub(super) enum Step {
    /// No message is on disk.
    Nothing,
    /// Redis has the oldest messages, which are removed here.
    Sent,
    /// The next message is to be set aside.
    Found,
    SetAside(SetAside),
}

/// A message that is set aside.
pub(super) struct SetAside {
    pub(super) file: PathBuf,
    pub(super) bytes: usize,
    pub(super) error: Error,
}

impl Sender {
    pub(super) fn new(spool: Arc<Spool>, routes: Arc<Routes>) -> Self {
        Self {
            spool,
            routes,
            search: Search::new(MESSAGES),
            narrows: false,
        }
    }

    pub(super) fn stream(&self) -> &str {
        self.routes.whole().keys.stream()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spool.is_empty()
    }

    /// Whether the last step failed, and the next one tries less, so that it needs no
    /// wait.
    pub(super) fn narrows(&self) -> bool {
        self.narrows
    }

    /// The routes to the partitions; `None` if there are none.
    pub(super) fn parts(&mut self) -> Result<Option<Arc<RouteParts>>> {
        let parts = self.routes.parts_by(Instant::now() + PATIENCE);
        parts.inspect_err(|_| self.narrows = false)
    }

    /// Sends the oldest messages, or sets the oldest one aside.
    pub(super) fn step(&mut self, wire: &mut Wire) -> Result<Step> {
        self.narrows = false;
        let route = Arc::clone(self.routes.whole());
        let records = self.spool.peek_oldest(self.search.most(), BYTES)?;
        let Some(first) = records.first() else {
            return Ok(Step::Nothing);
        };
        if route.meet(wire, &self.spool, first.sequence)? {
            // Records may have another name now.
            return self.step(wire);
        }
        if let Some(error) = self.search.verdict(first.sequence) {
            let error = error.clone();
            return self.set_aside(&route, wire, first, error);
        }
        // A damaged spool has messages of its earlier name.
        let same = records.iter().take_while(|r| r.spool == first.spool);
        let (mut numbers, mut batch) = (Vec::new(), Outgoing::default());
        for record in same {
            let Some(message) = envelope::open(&record.message) else {
                break;
            };
            numbers.push(record.sequence);
            batch.push_encoded(message);
        }
        if numbers.is_empty() {
            return self.set_aside(&route, wire, first, unreadable());
        }
        route.types.store_first(|| PATIENCE)?;
        match route.send(wire, first.spool, &numbers, &batch) {
            Ok(answers) => self.settle(&numbers, answers),
            Err(error) => {
                let request = Failed {
                    first: first.sequence,
                    messages: numbers.len(),
                    bytes: batch.bytes(),
                };
                self.narrows = self.search.failed(request, &error);
                Err(error)
            }
        }
    }

    /// As [`step`](Self::step), each message to its partition. Messages behind one whose
    /// partition can't be reached may be sent all the same: Redis knows them when they
    /// are sent again.
    pub(super) fn step_apart(&mut self, loans: &mut Loans, parts: &RouteParts) -> Result<Step> {
        self.narrows = false;
        let records = self.spool.peek_oldest(self.search.most(), BYTES)?;
        let Some(first) = records.first() else {
            return Ok(Step::Nothing);
        };
        let same = records.iter().take_while(|r| r.spool == first.spool);
        let mut shares: Vec<Share<'_>> = Vec::new();
        let mut numbers = Vec::new();
        for record in same {
            let Some(message) = envelope::open(&record.message) else {
                break;
            };
            let Some(route) = parts.of(record.sequence, &message) else {
                break;
            };
            let known = shares.iter().position(|s| Arc::ptr_eq(s.route, route));
            let place = known.unwrap_or_else(|| {
                shares.push(Share::to(route));
                shares.len() - 1
            });
            if let Some(share) = shares.get_mut(place) {
                share.places.push(numbers.len());
                share.numbers.push(record.sequence);
                share.batch.push_encoded(message);
            }
            numbers.push(record.sequence);
        }
        let verdict = match self.search.verdict(first.sequence) {
            Some(error) => Some(error.clone()),
            None => numbers.is_empty().then(unreadable),
        };
        if let Some(error) = verdict {
            let route = shares.first().map(|share| share.route);
            let Some(route) = route.or(parts.first()) else {
                return Err(error);
            };
            loans.lead_to(route.keys.stream());
            let aside = loans.run_pooled(|wire| self.set_aside(route, wire, first, error));
            return aside.inspect_err(|_| loans.failed());
        }
        self.routes.whole().types.store_first(|| PATIENCE)?;
        // All partitions are asked before anything is sent: a new name would differ from
        // that of messages sent before.
        for share in &shares {
            match share.meet(loans, &self.spool) {
                Ok(false) => {}
                // Records may have another name now.
                Ok(true) => return self.step_apart(loans, parts),
                // The error shows again below.
                Err(_) => break,
            }
        }
        let mut answers: Vec<Option<Result<SpooledAdd>>> = Vec::new();
        answers.resize_with(numbers.len(), || None);
        for share in &shares {
            match share.send(loans, &self.spool, first.spool) {
                Ok(Some(list)) => {
                    for (place, answer) in share.places.iter().zip(list) {
                        if let Some(slot) = answers.get_mut(*place) {
                            *slot = Some(answer);
                        }
                    }
                }
                // Records may have another name now.
                Ok(None) => return self.step_apart(loans, parts),
                Err(error) if share.places.first() == Some(&0) => {
                    let request = Failed {
                        first: first.sequence,
                        messages: share.numbers.len(),
                        bytes: share.batch.bytes(),
                    };
                    self.narrows = self.search.failed(request, &error);
                    return Err(error);
                }
                // Its turn comes when it is the oldest.
                Err(_) => break,
            }
        }
        let answers = answers.into_iter().map_while(|answer| answer).collect();
        self.settle(&numbers, answers)
    }

    /// Removes the messages that Redis has: those before the first error.
    fn settle(&mut self, numbers: &[Sequence], answers: Vec<Result<SpooledAdd>>) -> Result<Step> {
        let taken = answers.iter().take_while(|answer| answer.is_ok()).count();
        if let Some(last) = numbers.iter().take(taken).next_back() {
            self.spool.remove_up_to(*last)?;
        }
        match (
            answers.into_iter().find_map(Result::err),
            numbers.get(taken),
        ) {
            (None, _) if taken == 0 => Err(Error::new(ErrorKind::Protocol, "no answer")),
            (None, _) => {
                self.search.succeeded();
                Ok(Step::Sent)
            }
            (Some(error), Some(number)) if is_refusal(&error) => {
                self.search.refused(*number, error);
                Ok(Step::Found)
            }
            (Some(error), _) => Err(error),
        }
    }

    /// Sets the oldest message aside, unless Redis has it after all.
    fn set_aside(
        &mut self,
        route: &Route,
        wire: &mut Wire,
        record: &Record,
        error: Error,
    ) -> Result<Step> {
        if route.has(wire, record.spool, record.sequence)? {
            self.spool.remove_up_to(record.sequence)?;
            self.search.succeeded();
            return Ok(Step::Sent);
        }
        let contents = envelope::as_command(&record.message, self.stream());
        let file = self.spool.set_aside(record, &contents)?;
        self.search.succeeded();
        Ok(Step::SetAside(SetAside {
            file,
            bytes: record.message.len(),
            error,
        }))
    }
}

/// The messages of one partition.
struct Share<'r> {
    route: &'r Arc<Route>,
    /// Their places among all sent messages.
    places: Vec<usize>,
    numbers: Vec<Sequence>,
    batch: Outgoing,
}

impl<'r> Share<'r> {
    fn to(route: &'r Arc<Route>) -> Self {
        Self {
            route,
            places: Vec::new(),
            numbers: Vec::new(),
            batch: Outgoing::default(),
        }
    }

    /// Asks the partition for its mark of the spool, in this life of it. Returns whether
    /// the spool has taken a new name.
    fn meet(&self, loans: &mut Loans, spool: &Spool) -> Result<bool> {
        if self.route.has_met() {
            return Ok(false);
        }
        loans.lead_to(self.route.keys.stream());
        let first = self.numbers.first().copied().unwrap_or(Sequence::ZERO);
        let met = loans.run_pooled(|wire| self.route.meet(wire, spool, first));
        met.inspect_err(|_| loans.failed())
    }

    /// Sends them; `None` if the spool has taken a new name instead.
    fn send(
        &self,
        loans: &mut Loans,
        spool: &Spool,
        id: SpoolId,
    ) -> Result<Option<Vec<Result<SpooledAdd>>>> {
        let route = self.route;
        let first = self.numbers.first().copied().unwrap_or(Sequence::ZERO);
        loans.lead_to(route.keys.stream());
        let sent = loans.run_pooled(|wire| {
            if route.meet(wire, spool, first)? {
                return Ok(None);
            }
            route.send(wire, id, &self.numbers, &self.batch).map(Some)
        });
        sent.inspect_err(|_| loans.failed())
    }
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::System,
        "a message in the spool can't be read by this version of stream-lib",
    )
}
