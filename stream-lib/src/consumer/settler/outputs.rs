//! Completed deliveries with outputs, written and acknowledged in one step. They are kept
//! apart from other requests, since outputs need memory that Redis may not have.
//!
//! While Redis refuses them, entries stay held, with their leases renewed, and are tried
//! again with backoff. Entries beyond a bound go back to `~waiting` for a while instead,
//! and so do all that are left at the end of the consumer: the entry comes once more, and
//! its handler runs again. A delivery with an output that can't be written for good has
//! failed.
//!
//! Outputs that no script can write together with the acknowledgement, on a Redis
//! Cluster, are added before: see [`far`](super::far).

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ended::{settle_all, settled};
use super::far::{FarOutputs, WINDOW};
use super::trials::PATIENCE;
use super::typed::with_types;
use super::unwritten::{end_unwritten, passes};
use crate::command::{Commit, Committed, Completion, Found, Wait, Waited};
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::member::outputs::{Output, Target};
use crate::consumer::member::settle::{Action, Unsettled};
use crate::error::{Error, ErrorKind, Result, with_causes};
use crate::keys::StreamKeys;
use crate::runtime::{Backoff, Portion, Trouble};

/// Most deliveries in one script, and about how many bytes of outputs: the server is busy
/// for some milliseconds.
const CHUNK: usize = 1_000;
const CHUNK_BYTES: usize = 1 << 20;
/// Most deliveries, and bytes of outputs, while Redis refuses them.
const MOST_WAITING: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;
/// When entries beyond that come again.
const LATER: Duration = Duration::from_secs(30);
/// How often a stream may be found with another backup stream before others come first.
const MOST_MOVES: usize = 3;

/// Deliveries whose outputs are to be written, the oldest first.
pub(super) struct OutputQueue {
    member: Arc<Member>,
    waiting: VecDeque<Unsettled>,
    bytes: usize,
    /// When to try again; set while Redis refuses.
    again_at: Option<Instant>,
    /// Whether the last request has failed.
    is_failing: bool,
    backoff: Backoff,
    /// How many to write by one request: halving finds a single one that Redis refuses.
    portion: Portion,
    trouble: Trouble,
    /// The trouble of too few replicas.
    unreplicated: Trouble,
    far: FarOutputs,
}

impl OutputQueue {
    pub(super) fn new(member: &Arc<Member>) -> Self {
        Self {
            member: Arc::clone(member),
            waiting: VecDeque::new(),
            bytes: 0,
            again_at: None,
            is_failing: false,
            backoff: Backoff::for_connections(),
            portion: Portion::new(CHUNK),
            trouble: Trouble::default(),
            unreplicated: Trouble::default(),
            far: FarOutputs::new(member),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.far.trials.is_empty()
    }

    /// When there is something to write, or to log.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        if self.is_empty() {
            return self.trouble.ends_from();
        }
        let is_idle = self.waiting.is_empty();
        let wake = (!is_idle).then(|| self.again_at.unwrap_or_else(Instant::now));
        wake.into_iter().chain(self.far.trials.again_at()).min()
    }

    /// Queues a delivery. If too many wait, it returns the entry to be put off.
    pub(super) fn push(&mut self, mut entry: Unsettled) -> Option<Unsettled> {
        let trials = &self.far.trials;
        let count = self.waiting.len() + trials.len();
        let is_full = count >= MOST_WAITING || self.bytes >= MOST_BYTES;
        let is_refused = self.again_at.is_some() || self.is_failing || !trials.is_empty();
        if is_refused && is_full {
            entry.action = Action::PutOff { delay: LATER };
            return Some(entry);
        }
        self.bytes += entry.output_bytes();
        self.waiting.push_back(entry);
        None
    }

    /// Writes outputs, as far as Redis takes them now. With none left, it logs the end of
    /// a trouble, once none has come up for a moment.
    pub(super) fn write_due(&mut self, link: &mut MemberLink) {
        if self.is_empty() {
            let ends_at = self.trouble.ends_from();
            if ends_at.is_some_and(|at| at <= Instant::now()) {
                self.works();
            }
            return;
        }
        self.waiting.extend(self.far.trials.take_due());
        if self.again_at.is_none_or(|at| at <= Instant::now()) {
            self.write(link);
        }
    }

    /// Tries once more. If Redis refuses, it returns the remaining entries, to be given
    /// back; without a connection they stay, to be tried again.
    pub(super) fn end(&mut self, link: &mut MemberLink) -> Vec<Unsettled> {
        self.waiting.extend(self.far.trials.take_all());
        self.write(link);
        let mut left = Vec::from(self.far.trials.take_all());
        if self.again_at.take().is_some() {
            left.extend(mem::take(&mut self.waiting));
        }
        for entry in &mut left {
            let delay = Duration::ZERO;
            entry.action = Action::PutOff { delay };
        }
        self.bytes = self.waiting.iter().map(Unsettled::output_bytes).sum();
        left
    }

    fn write(&mut self, link: &mut MemberLink) {
        let mut moves = 0;
        let is_spread = self.member.outputs.is_spread();
        let deadline = Instant::now() + PATIENCE;
        while !self.waiting.is_empty() {
            let chunk = self.next_chunk();
            let asked = chunk.len();
            let (chunk, untyped) = with_types(&mut self.far.trials, chunk, deadline);
            let is_silent = !is_spread || deadline <= Instant::now();
            let (away, untyped): (Vec<_>, Vec<_>) = untyped
                .into_iter()
                .partition(|(_, e)| e.kind() == ErrorKind::Unavailable && is_silent);
            let (chunk, mut refused) = self.far.add(link, chunk);
            refused.extend(untyped);
            let mut waits = self.end_refused(refused);
            // The consumer's own connections tell of its server; others may be late only.
            waits.extend(away.into_iter().map(|(entry, _)| entry));
            self.bytes += waits.iter().map(Unsettled::output_bytes).sum::<usize>();
            self.far.trials.wait(waits);
            let mut left = Vec::new();
            match self.request(link, &chunk) {
                Ok(Ok((outcomes, waited))) => {
                    self.portion.received(asked);
                    self.tell_waited(&waited);
                    let (elsewhere, waits) = self.settle(chunk, outcomes);
                    left = waits;
                    if !elsewhere.is_empty() {
                        self.put_back(elsewhere);
                        moves += 1;
                    }
                }
                // It is the error of one output, and it is unknown which.
                Ok(Err(error)) if asked > 1 => {
                    self.portion.halve(asked);
                    self.put_back(chunk);
                    log::debug!("outputs are written in smaller portions: {error}");
                }
                Ok(Err(error)) => {
                    for entry in chunk {
                        end_unwritten(&self.member, &entry, &error);
                    }
                }
                // Without the group, no entry is held.
                Err(e) if e.kind() == ErrorKind::NoGroup => {
                    settle_all(&self.member, &chunk, Found::NotOurs);
                }
                Err(e) => {
                    if Portion::is_about(&e) {
                        self.portion.halve(asked);
                    }
                    self.put_back(chunk);
                    self.is_failing = true;
                    return;
                }
            }
            if !left.is_empty() || moves > MOST_MOVES {
                self.put_back(left);
                self.again_at = Some(Instant::now() + self.backoff.next());
                return;
            }
            self.again_at = None;
            self.is_failing = false;
            self.backoff.reset();
            if self.far.trials.is_empty() {
                self.far.trials.work();
                self.works();
            }
        }
    }

    fn next_chunk(&mut self) -> Vec<Unsettled> {
        let (mut chunk, mut size) = (Vec::new(), 0);
        while chunk.len() < self.portion.size() && size < CHUNK_BYTES {
            let Some(entry) = self.waiting.pop_front() else {
                break;
            };
            size += entry.output_bytes();
            chunk.push(entry);
        }
        self.bytes = self.bytes.saturating_sub(size);
        chunk
    }

    fn put_back(&mut self, left: Vec<Unsettled>) {
        for entry in left.into_iter().rev() {
            self.bytes += entry.output_bytes();
            self.waiting.push_front(entry);
        }
    }

    /// Runs the script. The inner error is that of an output, not of the connection.
    fn request<'a>(
        &self,
        link: &mut MemberLink,
        chunk: &'a [Unsettled],
    ) -> Result<Result<(Vec<Committed>, Waited)>> {
        let member = &self.member;
        let mut targets: Vec<Target> = Vec::new();
        let mut place_of = |target: Target| {
            let known = targets.iter().position(|known| known.is(&target));
            known.unwrap_or_else(|| {
                targets.push(target);
                targets.len() - 1
            })
        };
        let mut near = |id, output: &'a Output| {
            if output.is_added() {
                return None;
            }
            let target = output.target(id);
            let is_near = member.outputs.is_near(&target);
            is_near.then(|| Some((place_of(target), output.message()?)))?
        };
        let deliveries: Vec<_> = chunk
            .iter()
            .map(|entry| Completion {
                id: entry.id(),
                outputs: entry
                    .outputs()
                    .filter_map(|output| near(entry.id(), output))
                    .collect(),
            })
            .collect();
        if deliveries.is_empty() {
            return Ok(Ok((Vec::new(), Ok(()))));
        }
        let keys: Vec<StreamKeys> = targets.iter().map(Target::keys).collect();
        let commit = Commit {
            group: &member.group,
            consumer: &member.name,
            streams: &keys,
            window: WINDOW,
            deliveries: &deliveries,
        };
        let committed = link.run_pooled(Role::Outputs, |wire| {
            let asked = member.config.replicas;
            let wait = asked.map(|asked| Wait::within(wire.response_timeout(), asked));
            match commit.run(wire, wait) {
                Err(e) if is_about_outputs(&e) => Ok(Err(e)),
                committed => committed.map(Ok),
            }
        });
        if let Ok(Ok((outcomes, _))) = &committed
            && outcomes
                .iter()
                .any(|one| matches!(one, Committed::Elsewhere))
        {
            for target in &targets {
                // If that fails, the next try shows it again.
                let _ = member.outputs.learn(target);
            }
        }
        committed
    }

    /// Settles deliveries that were written or are not ours, and ends those that failed.
    /// Returns those whose streams have another backup stream, and those that wait.
    fn settle(
        &self,
        chunk: Vec<Unsettled>,
        outcomes: Vec<Committed>,
    ) -> (Vec<Unsettled>, Vec<Unsettled>) {
        let member = &self.member;
        let (mut elsewhere, mut refused, mut completed) = (Vec::new(), Vec::new(), 0);
        for (entry, outcome) in chunk.into_iter().zip(outcomes) {
            match outcome {
                Committed::Ours => {
                    settled(member, &entry, Found::Ours);
                    completed += 1;
                }
                Committed::NotOurs => settled(member, &entry, Found::NotOurs),
                Committed::Elsewhere => elsewhere.push(entry),
                Committed::Refused(error) => refused.push((entry, error)),
            }
        }
        member.tell_completed(completed);
        (elsewhere, self.end_refused(refused))
    }

    /// Ends the deliveries whose outputs can't be written for good. Returns those that
    /// wait, and logs the reason.
    fn end_refused(&self, refused: Vec<(Unsettled, Error)>) -> Vec<Unsettled> {
        let mut waits = Vec::new();
        for (entry, error) in refused {
            if !passes(&error) {
                end_unwritten(&self.member, &entry, &error);
                continue;
            }
            if self.trouble.begins(&error) {
                log::warn!(
                    "outputs of `{}` can't be written, and the entries of the group `{}` that \
                     they belong to wait for it, while others are handled: {}",
                    self.member.group.stream(),
                    self.member.group.name(),
                    with_causes(&error)
                );
            }
            waits.push(entry);
        }
        waits
    }

    /// Logs that Redis takes outputs again.
    fn works(&self) {
        if self.trouble.ends() {
            log::warn!(
                "outputs of `{}` are written again, and their entries of the group `{}` \
                 acknowledged",
                self.member.group.stream(),
                self.member.group.name()
            );
        }
    }

    fn tell_waited(&self, waited: &Waited) {
        let stream = self.member.group.stream();
        match waited {
            Ok(()) => {
                if self.unreplicated.ends() {
                    log::warn!("outputs of `{stream}` are on enough replicas again");
                }
            }
            Err(lack) => {
                let confirmed = match &lack.confirmed {
                    Ok(count) => format!("only {count} confirmed them"),
                    Err(e) => format!("it is not known how many have them: {e}"),
                };
                let error = Error::new(ErrorKind::NotReplicated, "too few replicas");
                if self.unreplicated.begins(&error) {
                    log::warn!(
                        "outputs of `{stream}` and their acknowledgements may be lost together in \
                         a failover, after which the entries are handled again: of {} replicas, \
                         {confirmed} within {:?}",
                        lack.wanted,
                        lack.timeout
                    );
                }
            }
        }
    }
}

/// Whether an error of the whole request is that of an output in it.
fn is_about_outputs(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server
            | ErrorKind::Encode
            | ErrorKind::Config
            | ErrorKind::WrongType
            | ErrorKind::PermissionDenied
    )
}
