//! One thread's connections, and the remedy for each of their failures.

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
    /// Between tries that a person has to make succeed.
    slowly: Backoff,
    /// When to try again, where others wait while this thread waits.
    rests_until: Option<Instant>,
    /// The last try has brought no answer.
    is_away: bool,
    /// The work that has met a slot on its way to another node, and since when.
    moves_since: Vec<(Role, Instant)>,
    /// Calls the thread.
    bell: Bell,
}

/// How a thread gets at its connections.
pub(crate) enum Way {
    /// It has one of its own, since it waits for answers.
    Own(Box<Link>),
    /// It shares them, for short exchanges.
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

    /// Whether the slot has moved, so that the next exchange goes to its new node. What
    /// goes over shared connections has found its way there by itself.
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

    /// Whether there is another server to go to since the last exchange of connections
    /// that it shares.
    fn has_moved(&self) -> bool {
        matches!(self, Self::Shared(loans) if loans.has_moved())
    }

    /// Gives up a connection of its own, which may be in any state where the server
    /// has answered, even by refusing.
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
    /// A person who gives a right or a password back, which may take long.
    AwaitRight,
    /// The group made again.
    MakeGroup,
    /// A person who changes the key, or the rights that were never there.
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

/// The first wait for a right, and the longest.
const SLOW: Duration = Duration::from_millis(500);
const SLOWEST: Duration = Duration::from_secs(5);

/// A slot that is on its way to another node for so long holds up the consumer.
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

    /// Bounds the waits between attempts: a member that is late to renew its
    /// leases must not be later than others are to take over.
    pub(crate) fn pausing_for(mut self, longest: Duration) -> Self {
        self.backoff = Backoff::for_connections().at_most(longest);
        self
    }

    /// As [`run`](Self::run), for what nothing depends on: that Redis refuses it holds
    /// nobody up.
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

    /// Runs `operation` on the connection, making one first where there is
    /// none. After a failure it has waited, or [rests](Self::rests_until), and logged
    /// the first of a row.
    /// An error of the kind `NoGroup` is the caller's to heal; after one that
    /// calls for [`Remedy::Stop`], the consumer is stopping.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        self.ensure_there()?;
        let result = self.way.run(operation);
        self.heed(self.role, &result);
        result
    }

    /// As [`run`](Self::run), for work of another role that may take long, or need
    /// much memory: where connections are shared, on one of the pool.
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

    /// When to try again after a failure, where connections are shared: others would
    /// wait while this thread waits. Another server to go to ends the rest, and rings
    /// the bell.
    pub(crate) fn rests_until(&self) -> Option<Instant> {
        let rests =
            |at: &Instant| *at > Instant::now() && !self.until.is_set() && !self.way.has_moved();
        self.rests_until.filter(rests)
    }

    /// Fails where the server was away a moment ago, since each try may take long. One
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

    /// Tells of the success or the failure, and waits after the latter.
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
                    // Entries that are still to be settled are tried again until
                    // the grace is over: the permission may come back.
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

    /// Whether the slot has not been on its way for long. The server has answered, and
    /// nothing is wrong with it.
    fn moves_shortly(&mut self, role: Role) -> bool {
        let known = self.moves_since.iter().find(|(other, _)| *other == role);
        let Some((_, since)) = known else {
            self.moves_since.push((role, Instant::now()));
            return true;
        };
        since.elapsed() < MOVES_FOR
    }

    /// How many connections there have been, the present one included.
    pub(crate) fn epoch(&self) -> u64 {
        match &self.way {
            Way::Own(link) => link.epoch(),
            Way::Shared(loans) => loans.epoch(),
        }
    }

    /// Gives a connection of its own up, with all answers that are still to come on
    /// it.
    pub(crate) fn drop_wire(&mut self) {
        self.way.failed();
    }

    /// Waits a moment that grows with each call, until something succeeds. Another
    /// server to go to ends it.
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

    /// There is another server to go to.
    fn begin_again(&mut self) {
        self.backoff.reset();
        self.slowly.reset();
    }
}
/// Whether Redis has answered, and would not do it.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::WrongType | ErrorKind::Refused | ErrorKind::Server
    )
}
