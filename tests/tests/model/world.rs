//! The whole state: the server, the processes, and a request that may arrive late.

use crate::process::{Lane, Life, Process};
use crate::request::{Request, Way, What};
use crate::server::{Entry, Owner, Place, Server};
use crate::setup::{ENTRIES, LEASE, PROCESSES, STEPS, Setup};

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) processes: [Process; PROCESSES],
    /// A request whose connection its process has given up, ticks ago: the server may
    /// still carry it out.
    pub(crate) late: Option<(u8, Request, u8)>,
    /// How many entries were added.
    pub(crate) added: u8,
    /// How many more faults there may be.
    pub(crate) faults: u8,
    /// For so many ticks no process begins, since the clock was set: one that begins
    /// knows nothing of the step, and finds those lapsed whose next sign of life it
    /// would see after a third of a lease.
    pub(crate) unsettled: u8,
}

impl World {
    pub(crate) fn new(setup: &Setup) -> Self {
        let mut world = Self {
            server: Server::new(),
            processes: [Process::FRESH; PROCESSES],
            late: None,
            added: 0,
            faults: setup.faults,
            unsettled: 0,
        };
        // Those that never begin.
        for process in world.processes.iter_mut().skip(setup.processes) {
            *process = Process::DEAD;
        }
        world.add();
        world
    }

    pub(crate) fn may_add(&self, setup: &Setup) -> bool {
        usize::from(self.added) < setup.entries
    }

    pub(crate) fn add(&mut self) {
        self.server.entries[usize::from(self.added)] = Entry::ADDED;
        self.added += 1;
    }

    pub(crate) fn me(&mut self, me: u8) -> &mut Process {
        &mut self.processes[usize::from(me)]
    }

    /// Whether time may pass: nobody who lives puts off what is due.
    pub(crate) fn may_tick(&self) -> bool {
        let has_group = self.server.has_group;
        !self
            .processes
            .iter()
            .any(|process| process.is_urgent(has_group))
    }

    pub(crate) fn tick(&mut self) {
        self.server.tick(self.longest());
        self.unsettled = self.unsettled.saturating_sub(1);
        for process in &mut self.processes {
            process.tick();
        }
        if let Some((.., asked)) = &mut self.late {
            *asked = (*asked + 1).min(LEASE as u8);
        }
    }

    /// Whether all that have begun know what the clock shows, which was not set for a
    /// lease.
    pub(crate) fn may_set_clock(&self) -> bool {
        let lives = |life| matches!(life, Life::Up | Life::Frozen);
        let mut processes = self.processes.iter();
        self.unsettled == 0
            && processes.all(|process| !lives(process.life) || process.clock.is_some())
    }

    pub(crate) fn set_clock(&mut self, by: i8) {
        self.unsettled = LEASE as u8;
        self.server.set_clock(by, self.longest());
    }

    /// How long ages by the server's clock are told apart: as long as a step of the
    /// clock may make a difference.
    fn longest(&self) -> i8 {
        let back = if self.faults > 0 { STEPS[2] } else { 0 };
        LEASE + back
    }

    pub(crate) fn crash(&mut self, me: u8) {
        // Its requests that are on their way don't come to anything more than those
        // of others that are late.
        *self.me(me) = Process::DEAD;
        for entry in &mut self.server.entries {
            let owned =
                matches!(entry.place, Place::Pending { owner, .. } if owner == Owner::Process(me));
            if owned {
                // There is nobody to take it from.
                entry.real = LEASE as u8;
            }
        }
    }

    /// Whether all entries have come to their end, and nobody has anything in hand.
    pub(crate) fn is_settled(&self) -> bool {
        let is_over = |entry: &Entry| matches!(entry.place, Place::Nowhere | Place::Acked);
        self.server.entries.iter().all(is_over)
    }

    /// The same state with its processes in an order that depends on nothing but what
    /// they do: processes are alike, and so are states that differ by their order.
    pub(crate) fn in_order(&self) -> Self {
        let old_of = self.order();
        if old_of.is_sorted() {
            return *self;
        }
        let mut new_of = [0u8; PROCESSES];
        for (new, old) in (0..).zip(old_of) {
            new_of[old] = new;
        }
        self.renumbered(&old_of, &new_of)
    }

    /// The processes in that order.
    pub(crate) fn order(&self) -> [usize; PROCESSES] {
        let mut order: [(u64, usize); PROCESSES] = [(0, 0); PROCESSES];
        for (at, place) in order.iter_mut().enumerate() {
            *place = (self.signature(at), at);
        }
        order.sort_unstable();
        order.map(|(_, at)| at)
    }

    fn signature(&self, at: usize) -> u64 {
        let me = Owner::Process(at as u8);
        let process = Process {
            dead: [false; PROCESSES],
            ..self.processes[at]
        };
        let server = &self.server;
        let owns = [0, 1].map(|id: u8| server.owner(id).is_some_and(|(owner, _)| owner == me));
        let locks = server
            .lock
            .is_some_and(|(holder, _)| usize::from(holder) == at);
        let late = self.late.is_some_and(|(by, ..)| usize::from(by) == at);
        crate::search::hash(&(process, owns, locks, late, server.signs[at]))
    }

    fn renumbered(&self, old_of: &[usize; PROCESSES], new_of: &[u8; PROCESSES]) -> Self {
        let mut world = *self;
        let server = &mut world.server;
        server.signs = old_of.map(|old| self.server.signs[old]);
        if let Some((holder, _)) = &mut server.lock {
            *holder = new_of[usize::from(*holder)];
        }
        for entry in &mut server.entries {
            if let Place::Pending {
                owner: Owner::Process(owner),
                ..
            } = &mut entry.place
            {
                *owner = new_of[usize::from(*owner)];
            }
        }
        world.processes = old_of.map(|old| {
            let mut process = self.processes[old];
            process.dead = old_of.map(|old| process.dead[old]);
            for way in [Way::Keeper, Way::Settler] {
                renumber_lane(process.lane(way), old_of);
            }
            process
        });
        if let Some((by, request, _)) = &mut world.late {
            *by = new_of[usize::from(*by)];
            renumber_request(request, old_of);
        }
        world
    }

    /// Whether there is somebody who can carry on.
    pub(crate) fn anyone(&self) -> bool {
        self.processes
            .iter()
            .any(|process| process.life != Life::Dead)
    }
}

fn renumber_lane(lane: &mut Lane, old_of: &[usize; PROCESSES]) {
    match lane {
        Lane::Sent(request, _) => renumber_request(request, old_of),
        Lane::Answered(answer, ..) => {
            if let What::Looked { signs, look } = &mut answer.what {
                *signs = old_of.map(|old| signs[old]);
                look.holders = old_of.map(|old| look.holders[old]);
            }
        }
        Lane::Idle => {}
    }
}

fn renumber_request(request: &mut Request, old_of: &[usize; PROCESSES]) {
    match request {
        Request::Look { signs } => *signs = old_of.map(|old| signs[old]),
        Request::TakeOver { step, .. } => step.dead = old_of.map(|old| step.dead[old]),
        _ => {}
    }
}

const _: () = assert!(ENTRIES == 2, "a signature has two entries");
