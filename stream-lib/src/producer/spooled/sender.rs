//! Sends the messages of a spool, oldest first, and sets those aside that Redis
//! refuses for good.

use std::path::PathBuf;
use std::sync::Arc;

use crate::command::{Outgoing, SpooledAdd};
use crate::connection::Wire;
use crate::error::{Error, ErrorKind, Result};
use crate::producer::spool::{Record, Sequence, Spool};
use crate::producer::spooled::culprit::{Failed, Search, is_refusal};
use crate::producer::spooled::envelope;
use crate::producer::spooled::route::Route;

/// The most that one request carries.
const MESSAGES: usize = 256;
const BYTES: u64 = 1 << 20;

/// Sends the messages of a spool.
pub(super) struct Sender {
    spool: Arc<Spool>,
    route: Arc<Route>,
    search: Search,
    /// The last request failed, and the next one is about less.
    narrows: bool,
}

/// One step towards an empty spool.
pub(super) enum Step {
    /// None is on disk.
    Nothing,
    /// Redis has the oldest messages, which are forgotten here.
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
    pub(super) fn new(spool: Arc<Spool>, route: Arc<Route>) -> Self {
        Self {
            spool,
            route,
            search: Search::new(MESSAGES),
            narrows: false,
        }
    }

    pub(super) fn stream(&self) -> &str {
        self.route.keys.stream()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spool.is_empty()
    }

    /// Whether the last step failed, and the next one tries less, so that it needs
    /// no wait.
    pub(super) fn narrows(&self) -> bool {
        self.narrows
    }

    /// Sends the oldest messages, or sets the oldest one aside.
    pub(super) fn step(&mut self, wire: &mut Wire) -> Result<Step> {
        self.narrows = false;
        let records = self.spool.peek_oldest(self.search.most(), BYTES)?;
        let Some(first) = records.first() else {
            return Ok(Step::Nothing);
        };
        if self.route.meet(wire, &self.spool, first.sequence)? {
            // Records may have another name now.
            return self.step(wire);
        }
        if let Some(error) = self.search.verdict(first.sequence) {
            let error = error.clone();
            return self.set_aside(wire, first, error);
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
            return self.set_aside(wire, first, unreadable());
        }
        match self.route.send(wire, first.spool, &numbers, &batch) {
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

    /// Forgets the messages that Redis has: those before the first error.
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
    fn set_aside(&mut self, wire: &mut Wire, record: &Record, error: Error) -> Result<Step> {
        if self.route.has(wire, record.spool, record.sequence)? {
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

fn unreadable() -> Error {
    Error::new(
        ErrorKind::System,
        "a message in the spool can't be read by this version of stream-lib",
    )
}
