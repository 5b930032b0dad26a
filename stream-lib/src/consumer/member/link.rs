//! One thread's connection, and the remedy for each of its failures.

use std::time::Duration;

use crate::connection::{Link, Wire};
use crate::consumer::member::health::{Health, Role};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, Shutdown};

/// A connection of its own for one thread of a member.
pub(crate) struct MemberLink<'a> {
    link: Link,
    role: Role,
    health: &'a Health,
    /// Ends the waits between attempts.
    until: Shutdown,
    backoff: Backoff,
    /// Between tries that a person has to make succeed.
    slowly: Backoff,
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

impl<'a> MemberLink<'a> {
    pub(crate) fn new(link: Link, role: Role, health: &'a Health, until: &Shutdown) -> Self {
        Self {
            link,
            role,
            health,
            until: until.clone(),
            backoff: Backoff::for_connections(),
            slowly: Backoff::new(SLOW, SLOWEST),
        }
    }

    /// Bounds the waits between attempts: a member that is late to renew its
    /// leases must not be later than others are to take over.
    pub(crate) fn pausing_for(mut self, longest: Duration) -> Self {
        self.backoff = Backoff::for_connections().at_most(longest);
        self
    }

    /// Runs `operation` on the connection, making one first where there is
    /// none. After a failure it has waited, and logged the first of a row.
    /// An error of the kind `NoGroup` is the caller's to heal; after one that
    /// calls for [`Remedy::Stop`], the consumer is stopping.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        self.run_as(self.role, operation)
    }

    /// As [`run`](Self::run), for work of another role on this connection.
    pub(crate) fn run_as<T>(
        &mut self,
        role: Role,
        operation: impl FnOnce(&mut Wire) -> Result<T>,
    ) -> Result<T> {
        let result = self.link.wire().and_then(operation);
        match &result {
            Ok(_) => {
                self.link.has_arrived();
                self.backoff.reset();
                self.slowly.reset();
                self.health.works(role);
            }
            // The slot has moved: that is no outage.
            Err(e) if self.link.follow(e) => {}
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
                    // A connection that answered, even by refusing, may be in
                    // any state.
                    self.link.drop_wire();
                    self.health.held_up(role, e, self.until.is_set());
                    if remedy == Remedy::AwaitRight {
                        let wait = self.slowly.next();
                        self.link.pause(&self.until, wait);
                    } else {
                        self.pause();
                    }
                }
            },
        }
        result
    }

    /// How many connections there have been, the present one included.
    pub(crate) fn epoch(&self) -> u64 {
        self.link.epoch()
    }

    /// Gives the connection up, with all answers that are still to come on it.
    pub(crate) fn drop_wire(&mut self) {
        self.link.drop_wire();
    }

    /// Waits a moment that grows with each call, until something succeeds. Another
    /// server to go to ends it.
    fn pause(&mut self) {
        let wait = self.backoff.next();
        self.link.pause(&self.until, wait);
    }
}
