//! One thread's connection, which comes back by itself.

use std::sync::Arc;

use crate::config::ConsumerEvents;
use crate::connection::{Link, LinkHandle, Wire};
use crate::consumer::member::Member;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, Shutdown};

/// Whose connection it is.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Role {
    Reader,
    Ack,
    Lease,
}

/// A connection of its own for one thread of a member. Its failures and its
/// recovery are the member's.
pub(crate) struct MemberLink<'a> {
    member: &'a Member,
    role: Role,
    /// Ends the waits between attempts.
    until: Shutdown,
    link: Link,
    backoff: Backoff,
}

/// What a failure calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Another connection, after a while.
    Reconnect,
    /// The group made again.
    MakeGroup,
    /// Somebody who changes permissions, or the key.
    Stop,
}

impl Remedy {
    pub(crate) fn for_error(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::NoGroup => Self::MakeGroup,
            ErrorKind::PermissionDenied | ErrorKind::WrongType => Self::Stop,
            _ => Self::Reconnect,
        }
    }
}

impl<'a> MemberLink<'a> {
    pub(crate) fn new(member: &'a Member, role: Role, until: &Shutdown) -> Self {
        let handle = match role {
            Role::Reader => member.reader_wire.clone(),
            Role::Ack | Role::Lease => LinkHandle::default(),
        };
        Self {
            member,
            role,
            until: until.clone(),
            link: Link::new(Arc::clone(&member.topology), member.group.stream(), handle),
            backoff: Backoff::for_connections(),
        }
    }

    /// Runs `operation` on the connection, making one first where there is
    /// none. After a failure it has waited, and logged the first of a row.
    /// An error of the kind `NoGroup` is the caller's to heal; after one that
    /// calls for [`Remedy::Stop`], the consumer is stopping.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let result = self.link.wire().and_then(operation);
        match &result {
            Ok(_) => self.up(),
            Err(e) => match Remedy::for_error(e) {
                Remedy::MakeGroup => {}
                Remedy::Stop => {
                    self.member.fail(e);
                    // What is to be settled is tried again until the grace is
                    // over: the permission may come back.
                    self.pause();
                }
                Remedy::Reconnect => self.down(e),
            },
        }
        result
    }

    /// How many connections there have been, the present one included.
    pub(crate) fn epoch(&self) -> u64 {
        self.link.epoch()
    }

    /// Gives the connection up, with what is still to be answered on it.
    pub(crate) fn drop_wire(&mut self) {
        self.link.drop_wire();
    }

    /// Waits a moment that grows with each call, until something succeeds.
    fn pause(&mut self) {
        let wait = self.backoff.next();
        self.until.sleep(wait);
    }

    fn up(&mut self) {
        self.backoff.reset();
        if self.member.trouble.ends_for(self.role as u8) {
            log::warn!(
                "the consumer `{}` of `{}` works again",
                self.member.name,
                self.member.group.stream()
            );
            self.member.config.events.tell(ConsumerEvents::connected);
        }
    }

    fn down(&mut self, error: &Error) {
        // A connection that answered, even by refusing, may be in any state.
        self.link.drop_wire();
        if self.member.trouble.begins_for(self.role as u8) && !self.until.is_set() {
            log::warn!(
                "the consumer `{}` of `{}` is held up, and tries again until it works: {error}",
                self.member.name,
                self.member.group.stream()
            );
            self.member.config.events.tell(|e| e.disconnected(error));
        }
        self.pause();
    }
}
