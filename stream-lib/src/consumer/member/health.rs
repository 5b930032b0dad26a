//! The health of a member: the state of its connections, and the error that ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::config::Events;
use crate::config::event::{Connected, Disconnected, Stopped};
use crate::consumer::identity::Identity;
use crate::consumer::member::common::Common;
use crate::error::{Error, with_causes};
use crate::runtime::{Bell, Shutdown};

/// The work that a connection is for. Commands that fail together have one role, since
/// Redis may refuse some commands, when its memory is full or its replicas are gone, and
/// carry out others all the while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Role {
    Reader,
    /// Acknowledges and parks.
    Settler,
    /// Writes dead letters, for the settler.
    Burials,
    /// Renews leases and gives signs of life.
    Keeper,
    /// Claims and takes over, for the keeper.
    Claims,
    /// Writes outputs with their acknowledgements, for the settler.
    Outputs,
}

/// The number of roles: one more than the last.
const ROLES: u32 = Role::Outputs as u32 + 1;

/// Tells the log and the hooks when the consumer is held up, works again, or ends: once
/// for all connections of all of its members.
#[derive(Debug)]
pub(crate) struct Health {
    common: Arc<Common>,
    /// The member's number.
    number: u32,
    stream: String,
    group: String,
    events: Events,
    failure: Arc<Mutex<Option<Error>>>,
    /// Whether the group is known to have existed, so that a missing group has vanished.
    group_stood: AtomicBool,
    /// Whether the checks of a start have passed: a permission that is missing now was
    /// withdrawn.
    checked: AtomicBool,
    stop: Shutdown,
    keeper: Bell,
}

impl Health {
    /// The health of the member with this number.
    pub(crate) fn new(
        identity: &Identity,
        common: &Arc<Common>,
        number: u32,
        stop: &Shutdown,
        keeper: &Bell,
    ) -> Self {
        Self {
            common: Arc::clone(common),
            number,
            stream: identity.group.stream().to_owned(),
            group: identity.group.name().to_owned(),
            events: identity.config.events.clone(),
            failure: Arc::clone(&identity.failure),
            group_stood: AtomicBool::new(false),
            checked: AtomicBool::new(false),
            stop: stop.clone(),
            keeper: keeper.clone(),
        }
    }

    /// Notes that Redis was reached at the start: the hooks are told once the consumer
    /// can be asked.
    pub(crate) fn reached_at_start(&self) {
        self.common.reached.store(true, Ordering::SeqCst);
        self.group_stands();
        self.passed_checks();
    }

    /// Notes that the checks of a start have passed.
    pub(crate) fn passed_checks(&self) {
        self.checked.store(true, Ordering::SeqCst);
    }

    pub(crate) fn has_passed_checks(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    /// Tells the hooks that the consumer reaches Redis.
    pub(crate) fn tell_connected(&self) {
        self.events.tell(|e| {
            e.connected(&Connected {
                stream: &self.stream,
                group: &self.group,
                consumer: &self.common.name,
            });
        });
    }

    /// Notes that a thread's connection works.
    pub(crate) fn works(&self, role: Role) {
        let mended = self.common.trouble.ends_for(self.party(role));
        if mended {
            log::warn!(
                "the consumer `{}` of `{}` works again",
                self.common.name,
                self.stream
            );
        }
        // Loaded first, since it is almost always set.
        let is_news = !self.common.reached.load(Ordering::Relaxed)
            && !self.common.trouble.lasts()
            && !self.common.reached.swap(true, Ordering::SeqCst);
        if mended || is_news {
            self.common.reached.store(true, Ordering::SeqCst);
            self.tell_connected();
        }
    }

    /// Notes that a thread's connection fails. The connection of an `ending` thread may
    /// have been cut by this process.
    pub(crate) fn held_up(&self, role: Role, error: &Error, ending: bool) {
        if !ending && self.common.trouble.begins_for(self.party(role), error) {
            log::warn!(
                "the consumer `{}` of `{}` is held up, and tries again until it works: {}",
                self.common.name,
                self.stream,
                with_causes(error)
            );
            self.events.tell(|e| {
                e.disconnected(&Disconnected {
                    stream: &self.stream,
                    group: &self.group,
                    consumer: &self.common.name,
                    error,
                });
            });
        }
    }

    /// Whether one of its connections fails at present.
    pub(crate) fn is_held_up(&self) -> bool {
        self.common.trouble.lasts()
    }

    /// Stops the consumer for good, with an error that waiting doesn't mend.
    pub(crate) fn fail(&self, error: &Error) {
        let mut failure = self.failure.lock();
        let is_first = failure.is_none();
        if is_first {
            log::error!(
                "the consumer `{}` of `{}` stops: {}",
                self.common.name,
                self.stream,
                with_causes(error)
            );
            let (stream, group) = (&self.stream, &self.group);
            let doing = format_args!("consuming `{stream}` in the group `{group}`");
            *failure = Some(error.clone().while_doing(doing));
        }
        drop(failure);
        self.common.stop.set();
        self.common.alarm.ring();
        self.stop.set();
        self.keeper.ring();
        if is_first {
            // Told without the lock: a hook may ask for the failure.
            self.events.tell(|e| {
                e.stopped(&Stopped {
                    stream: &self.stream,
                    group: &self.group,
                    consumer: &self.common.name,
                    error,
                });
            });
        }
    }

    /// Clears the failures of a member that has ended.
    pub(crate) fn ended(&self) {
        for role in 0..ROLES {
            self.common.trouble.leave(self.number * ROLES + role);
        }
    }

    fn party(&self, role: Role) -> u32 {
        self.number * ROLES + role as u32
    }

    pub(crate) fn group_stood(&self) -> bool {
        self.group_stood.load(Ordering::SeqCst)
    }

    /// Notes that the group exists.
    pub(crate) fn group_stands(&self) {
        self.group_stood.store(true, Ordering::SeqCst);
    }
}
