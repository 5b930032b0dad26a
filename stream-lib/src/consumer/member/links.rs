//! The connections of a member, as other threads reach them.
//!
//! A stop acts on them in three steps. At its beginning the reader and the keeper make no
//! new connections, so that an unreachable server holds up nothing; existing connections
//! stay. Then the reader conducts the stop: it takes the tasks of the keeper and of the
//! settler, which may connect again within the grace. At the end everything is cut. None
//! of this touches an exchange of another member on a shared connection.

use std::time::Instant;

use parking_lot::Mutex;

use crate::connection::LinkHandle;
use crate::consumer::member::health::Role;

/// A handle for each thread, on its own connection or on the one that it is lent, so that
/// it reaches nothing that others use.
#[derive(Debug, Default)]
pub(crate) struct MemberLinks {
    pub(crate) reader: LinkHandle,
    settler: LinkHandle,
    pub(crate) keeper: LinkHandle,
    step: Mutex<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Step {
    #[default]
    Running,
    HeldOff,
    Conducted,
    Cut,
}

impl MemberLinks {
    pub(super) fn of(&self, role: Role) -> &LinkHandle {
        match role {
            Role::Reader => &self.reader,
            Role::Settler | Role::Burials | Role::Outputs => &self.settler,
            Role::Keeper | Role::Claims => &self.keeper,
        }
    }

    /// Begins the stop. A second call does nothing.
    pub(super) fn hold_off(&self) {
        let mut step = self.step.lock();
        if *step < Step::HeldOff {
            *step = Step::HeldOff;
            self.reader.hold_off();
            self.keeper.hold_off();
        }
    }

    /// Lets the keeper and the settler connect, each until its part of the stop is over.
    pub(crate) fn conduct(&self, keeper: Instant, settler: Instant) {
        let mut step = self.step.lock();
        if *step < Step::Conducted {
            *step = Step::Conducted;
            self.reader.hold_off();
            self.keeper.resume(keeper);
            self.settler.resume(settler);
        }
    }

    /// Ends all connections and attempts, for good.
    pub(super) fn cut(&self) {
        *self.step.lock() = Step::Cut;
        for link in [&self.reader, &self.settler, &self.keeper] {
            link.end();
        }
    }
}
