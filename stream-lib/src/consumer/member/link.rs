//! One thread's connection, which comes back by itself.

use std::sync::atomic::Ordering;

use crate::config::ConsumerEvents;
use crate::connection::Wire;
use crate::consumer::member::{Member, ReaderWire};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Backoff, Shutdown};

/// Whose connection it is.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum Role {
    Reader = 1,
    Ack = 2,
    Lease = 4,
}

/// A connection of its own for one thread, made again after every failure.
pub(crate) struct Link<'a> {
    member: &'a Member,
    role: Role,
    /// Ends the waits between attempts.
    until: Shutdown,
    wire: Option<Wire>,
    backoff: Backoff,
    /// Counts connections, so that a thread notices a new one.
    epoch: u64,
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

impl<'a> Link<'a> {
    pub(crate) fn new(member: &'a Member, role: Role, until: &Shutdown) -> Self {
        Self {
            member,
            role,
            until: until.clone(),
            wire: None,
            backoff: Backoff::for_connections(),
            epoch: 0,
        }
    }

    /// Runs `operation` on the connection, making one first where there is
    /// none. After a failure it has waited, and logged the first of a row.
    /// An error of the kind `NoGroup` is the caller's to heal; after one that
    /// calls for [`Remedy::Stop`], the consumer is stopping.
    pub(crate) fn run<T>(&mut self, operation: impl FnOnce(&mut Wire) -> Result<T>) -> Result<T> {
        let result = match self.connected() {
            Ok(wire) => operation(wire),
            Err(e) => Err(e),
        };
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
        self.epoch
    }

    /// Gives the connection up, with what is still to be answered on it.
    pub(crate) fn drop_wire(&mut self) {
        self.wire = None;
    }

    /// Waits a moment that grows with each call, until something succeeds.
    pub(crate) fn pause(&mut self) {
        let wait = self.backoff.next();
        self.until.sleep(wait);
    }

    fn connected(&mut self) -> Result<&mut Wire> {
        if self.wire.as_ref().is_some_and(Wire::is_broken) {
            self.wire = None;
        }
        if self.wire.is_none() {
            if self.epoch > 0 {
                self.member.topology.refresh()?;
            }
            let node = self
                .member
                .topology
                .node_for(self.member.group.stream().as_bytes());
            let wire = node.dedicated()?;
            if matches!(self.role, Role::Reader) {
                *self.member.reader_wire.lock() = ReaderWire {
                    client: wire.client_id(),
                    stopper: Some(wire.stopper()),
                };
            }
            self.epoch += 1;
            return Ok(self.wire.insert(wire));
        }
        // Checked above; the error is never seen.
        self.wire
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "no connection"))
    }

    fn up(&mut self) {
        self.backoff.reset();
        let bit = self.role as u8;
        if self.member.down.load(Ordering::Relaxed) & bit != 0
            && self.member.down.fetch_and(!bit, Ordering::SeqCst) == bit
        {
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
        self.wire = None;
        if self.member.down.fetch_or(self.role as u8, Ordering::SeqCst) == 0 && !self.until.is_set()
        {
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
