//! The connections of one thread, and the remedy for each of their failures.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::{Link, Loans, Wire, is_on_its_way};
use crate::consumer::member::health::{Health, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, Bell, Shutdown};

/// The connections of one thread of a member.
pub(crate) struct MemberLink {
    way: Way,
    role: Role,
    health: Arc<Health>,
    /// Ends the waits between attempts.
    until: Shutdown,
    backoff: Backoff,
    /// The wait between tries that only a person can make succeed.
    slowly: Backoff,
    /// When to try again, if other consumers would wait while this thread waits.
    rests_until: Option<Instant>,
    /// The last try has brought no answer.
    is_away: bool,
    /// The roles that have met a moving slot, and since when.
    moves_since: Vec<(Role, Instant)>,
    /// Rings the thread.
    bell: Bell,
}

/// A thread's access to connections.
pub(crate) enum Way {
    /// A connection of its own, since it waits for answers.
    Own(Box<Link>),
    /// Shared connections, for short exchanges.
    Shared(Loans),
}

impl Way {
    fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        match self {
            Self::Own(link) => link.wire()?.naming(operation),
            Self::Shared(loans) => loans.run(operation),
        }
    }

    fn run_pooled<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        match self {
            Self::Own(link) => link.wire()?.naming(operation),
            Self::Shared(loans) => loans.run_pooled(operation),
        }
    }

    /// Whether the slot has moved, so that the next exchange goes to its new node. Shared
    /// connections have followed it by themselves.
    fn follow(&mut self, error: &Error) -> bool {
        match self {
            Self::Own(link) => link.follow(error),
            Self::Shared(_) => false,
        }
    }

    fn has_arrived(&mut self) {
        if let Self::Own(link) = self {
            link.has_arrived();
        }
    }

    /// Whether shared connections lead to another server since the last exchange.
    fn has_moved(&self) -> bool {
        matches!(self, Self::Shared(loans) if loans.has_moved())
    }

    /// Gives up a connection of its own, whose state is unknown even after a refusal.
    fn failed(&mut self) {
        match self {
            Self::Own(link) => link.drop_wire(),
            Self::Shared(loans) => loans.failed(),
        }
    }
}

/// The remedy for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Another connection, after a while.
    Reconnect,
    /// A person who restores a permission or a password, which may take long.
    AwaitRight,
    /// A new group.
    MakeGroup,
    /// A person who changes the key, or grants permissions that never existed.
    Stop,
}

impl Remedy {
    /// The remedy for an error, before or after the checks of the start.
    fn for_error(error: &Error, is_checked: bool) -> Self {
        match error.kind() {
            ErrorKind::NoGroup => Self::MakeGroup,
            ErrorKind::WrongType => Self::Stop,
            ErrorKind::PermissionDenied if !is_checked => Self::Stop,
            ErrorKind::PermissionDenied | ErrorKind::Authentication => Self::AwaitRight,
            _ => Self::Reconnect,
        }
    }
}

/// The first wait for a permission, and the longest.
const SLOW: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_secs(5);

/// How long a slot may be moving before it counts as holding up the consumer.
const MOVES_FOR: Duration = Duration::from_secs(10);

impl MemberLink {
    pub(crate) fn new(
        way: Way,
        role: Role,
        health: &Arc<Health>,
        until: &Shutdown,
        bell: Bell,
    ) -> Self {
        Self {
            way,
            role,
            health: Arc::clone(health),
            until: until.clone(),
            backoff: Backoff::for_connections(),
            slowly: Backoff::new(SLOW, SLOWEST),
            rests_until: None,
            is_away: false,
            moves_since: Vec::new(),
            bell,
        }
    }

    /// Bounds the waits between attempts: a member must be able to renew its leases
    /// before others take over.
    pub(crate) fn pausing_for(mut self, longest: Duration) -> Self {
        self.backoff = Backoff::for_connections().at_most(longest);
        self
    }

    /// As [`run`](Self::run), for work that nothing depends on: a refusal holds up
    /// nothing.
    pub(crate) fn run_softly(
        &mut self,
        operation: impl FnOnce(&mut Wire) -> Result<()>,
    ) -> Result<()> {
        let refused = self.run(|wire| match operation(wire) {
            Err(e) if is_refusal(&e) => Ok(Err(e)),
            done => done.map(Ok),
        });
        refused?
    }

    /// Runs `operation` on the connection, and connects first if there is none. After a
    /// failure it has waited, or [rests](Self::rests_until), and has logged the first of
    /// a row. An error of the kind `NoGroup` is for the caller to heal; after an error
    /// that calls for [`Remedy::Stop`], the consumer is stopping.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        self.ensure_there()?;
        let result = self.way.run(operation);
        self.heed(self.role, &result);
        result
    }

    /// As [`run`](Self::run), for work of another role that may take long, or need much
    /// memory: shared connections lend one of the pool.
    pub(crate) fn run_pooled<T>(
        &mut self,
        role: Role,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        self.ensure_there()?;
        let result = self.way.run_pooled(operation);
        self.heed(role, &result);
        result
    }

    /// When to try again after a failure, if connections are shared: others would wait
    /// while this thread waits. A newly found server ends the rest, and rings the bell.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        let rests =
            |at: &Instant| *at > Instant::now() && !self.until.is_set() && !self.way.has_moved();
        self.rests_until.filter(rests)
    }

    /// Fails if the server was away a moment ago, since each try may take long. A server
    /// that has refused something may serve the rest.
    fn ensure_there(&mut self) -> Result<()> {
        if self.rests_until.is_some() && self.way.has_moved() {
            self.rests_until = None;
            self.begin_again();
        }
        if self.is_away && self.rests_until().is_some() {
            let text = "the last try has failed, and the next one comes later";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        Ok(())
    }

    /// Records the success or the failure, and waits after a failure.
    fn heed<T>(&mut self, role: Role, result: &Result<T>) {
        self.is_away = matches!(
            result.as_ref().map_err(Error::kind),
            Err(ErrorKind::Unavailable | ErrorKind::OutcomeUnknown)
        );
        match result {
            Ok(_) => {
                self.way.has_arrived();
                self.backoff.reset();
                self.slowly.reset();
                self.moves_since.retain(|(other, _)| *other != role);
                self.health.works(role);
            }
            // The slot has moved: that is no outage.
            Err(e) if self.way.follow(e) => {}
            Err(e) if is_on_its_way(e) && self.moves_shortly(role) => self.pause(),
            Err(e) => match Remedy::for_error(e, self.health.has_passed_checks()) {
                // The reader makes it, once it has room for entries.
                Remedy::MakeGroup if self.role == Role::Keeper => self.pause(),
                Remedy::MakeGroup => {}
                Remedy::Stop => {
                    self.health.fail(e);
                    // Entries that are still to be settled are tried again until the
                    // grace is over: the permission may come back.
                    self.pause();
                }
                remedy => {
                    self.way.failed();
                    self.health.held_up(role, e, self.until.is_set());
                    if remedy == Remedy::AwaitRight {
                        let wait = self.slowly.next();
                        self.pause_for(wait);
                    } else {
                        self.pause();
                    }
                }
            },
        }
    }

    /// Whether the slot has been moving for only a short time. The server has answered,
    /// and nothing is wrong with it.
    fn moves_shortly(&mut self, role: Role) -> bool {
        let known = self.moves_since.iter().find(|(other, _)| *other == role);
        let Some((_, since)) = known else {
            self.moves_since.push((role, Instant::now()));
            return true;
        };
        since.elapsed() < MOVES_FOR
    }

    /// The number of connections so far, with the present one.
    pub(crate) fn epoch(&self) -> u64 {
        match &self.way {
            Way::Own(link) => link.epoch(),
            Way::Shared(loans) => loans.epoch(),
        }
    }

    /// Gives up a connection of its own, with all answers still to come on it.
    pub(crate) fn drop_wire(&mut self) {
        self.way.failed();
    }

    /// Waits for a time that grows with each call, until a call succeeds. A newly found
    /// server ends the wait.
    fn pause(&mut self) {
        let wait = self.backoff.next();
        self.pause_for(wait);
    }

    fn pause_for(&mut self, wait: Duration) {
        match &self.way {
            Way::Own(link) => {
                if link.pause(&self.until, wait) {
                    self.begin_again();
                }
            }
            Way::Shared(loans) => {
                loans.have_rung(&self.bell);
                self.rests_until = Some(Instant::now() + wait);
            }
        }
    }

    /// Another server was found.
    fn begin_again(&mut self) {
        self.backoff.reset();
        self.slowly.reset();
    }
}
/// Whether Redis has answered with a refusal.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Refused | ErrorKind::Server
    )
}
