//! The steps from one state to others.

use crate::accept::{accept, fail};
use crate::doing::{ask, begin, carry_out_all, end, send, start};
use crate::process::{Lane, Life, Outcome, Stage};
use crate::request::{Answer, Request, Since, Step, Way};
use crate::rules::Fault;
use crate::setup::{HANDS, Kind, PROCESSES, STEPS, Setup};
use crate::world::World;

/// A step. The first number is that of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    AddEntry,
    Start(u8),
    Thaw(u8),
    BeginHandler(u8, usize),
    EndHandler(u8, usize, Outcome),
    /// A request is sent, carried out, and answered.
    Ask(u8, Request),
    /// A request is left out, since the entry has come again.
    LeaveOut(u8, usize),
    /// The server carries out a request that is on its way.
    CarryOut(u8, Way),
    /// An answer arrives.
    Receive(u8, Way),
    /// The server carries out a request whose connection was given up.
    CarryOutLate,
    // Each of these is a fault.
    Crash(u8),
    Freeze(u8),
    FlushAll,
    ScriptFlush,
    SetClock(i8),
    /// A handler runs for longer than leases are renewed.
    Cap(u8, usize),
    /// A request takes its time.
    AskSlowly(u8, Request),
    LoseRequest(u8, Request),
    LoseAnswer(u8, Request),
    /// The connection is given up, and the request comes late.
    AskLate(u8, Request),
    /// The connection is lost with what is on its way.
    LoseConnection(u8, Way),
}

impl Action {
    /// Of a fault.
    fn kind(self) -> Kind {
        match self {
            Self::Crash(_) => Kind::Crash,
            Self::Freeze(_) => Kind::Freeze,
            Self::FlushAll => Kind::Flush,
            Self::ScriptFlush => Kind::ScriptFlush,
            Self::SetClock(_) => Kind::Clock,
            Self::Cap(..) => Kind::Cap,
            Self::AskSlowly(..) => Kind::Slow,
            Self::AskLate(..) => Kind::Late,
            _ => Kind::Lost,
        }
    }

    /// The same, with the processes numbered as they are in `order`.
    pub(crate) fn by(self, order: &[usize; PROCESSES]) -> Self {
        let old = |me: u8| order[usize::from(me)] as u8;
        match self {
            Self::Start(me) => Self::Start(old(me)),
            Self::Thaw(me) => Self::Thaw(old(me)),
            Self::BeginHandler(me, slot) => Self::BeginHandler(old(me), slot),
            Self::EndHandler(me, slot, outcome) => Self::EndHandler(old(me), slot, outcome),
            Self::Ask(me, request) => Self::Ask(old(me), request),
            Self::LeaveOut(me, slot) => Self::LeaveOut(old(me), slot),
            Self::CarryOut(me, way) => Self::CarryOut(old(me), way),
            Self::Receive(me, way) => Self::Receive(old(me), way),
            other => other,
        }
    }
}

/// A step, and where it leads.
pub(crate) type Successor = (Action, Result<World, Fault>);

/// All steps that a state has.
pub(crate) fn successors(world: &World, setup: &Setup, into: &mut Vec<Successor>) {
    let mut steps = Steps { world, setup, into };
    if world.may_tick() {
        steps.plain(Action::Tick, World::tick);
    }
    if world.may_add(setup) {
        steps.plain(Action::AddEntry, World::add);
    }
    if let Some((by, request, asked)) = world.late {
        let since = Since {
            asked,
            is_prompt: false,
        };
        let mut next = *world;
        next.late = None;
        let result = request.carry_out(&mut next, by, since, setup);
        steps.add(
            Action::CarryOutLate,
            result.map(|step| {
                if let Step::Next(request) = step {
                    next.late = Some((by, request, asked));
                }
                next
            }),
        );
    }
    steps.fault(Action::FlushAll, |next| next.server.flush());
    steps.fault(Action::ScriptFlush, |next| next.server.is_loaded = false);
    for by in STEPS.into_iter().filter(|_| world.may_set_clock()) {
        steps.fault(Action::SetClock(by), |next| next.set_clock(by));
    }
    for me in 0..PROCESSES as u8 {
        steps.of(me);
    }
}

struct Steps<'a> {
    world: &'a World,
    setup: &'a Setup,
    into: &'a mut Vec<Successor>,
}

impl Steps<'_> {
    fn add(&mut self, action: Action, result: Result<World, Fault>) {
        if result.as_ref() != Ok(self.world) {
            self.into.push((action, result));
        }
    }

    fn plain(&mut self, action: Action, change: impl FnOnce(&mut World)) {
        let mut next = *self.world;
        change(&mut next);
        self.add(action, Ok(next));
    }

    fn fault(&mut self, action: Action, change: impl FnOnce(&mut World)) {
        self.failing(action, |next| {
            change(next);
            Ok(())
        });
    }

    fn failing(&mut self, action: Action, change: impl FnOnce(&mut World) -> Result<(), Fault>) {
        if self.world.faults == 0 || !self.setup.kinds.contains(&action.kind()) {
            return;
        }
        let mut next = *self.world;
        next.faults -= 1;
        let result = change(&mut next);
        self.add(action, result.map(|()| next));
    }

    /// The steps of one process.
    fn of(&mut self, me: u8) {
        let process = &self.world.processes[usize::from(me)];
        match process.life {
            Life::Dead => return,
            Life::Fresh => {
                if self.world.unsettled == 0 {
                    self.plain(Action::Start(me), |next| start(next, me));
                }
                return;
            }
            Life::Frozen => self.plain(Action::Thaw(me), |next| next.me(me).life = Life::Up),
            Life::Up => {
                self.fault(Action::Freeze(me), |next| next.me(me).life = Life::Frozen);
            }
        }
        self.fault(Action::Crash(me), |next| next.crash(me));
        for way in [Way::Keeper, Way::Settler] {
            self.on_the_way(me, way);
        }
        if process.life != Life::Up {
            return;
        }
        self.handlers(me);
        let mut requests = Vec::with_capacity(8);
        process.keeper_requests(self.setup, &mut requests);
        for request in requests {
            self.requests(me, None, request);
        }
        let mut requests = Vec::with_capacity(HANDS);
        process.settler_requests(self.setup, &mut requests);
        for (slot, request) in requests {
            if process.has_come_again(slot, self.setup) {
                self.plain(Action::LeaveOut(me, slot), |next| {
                    next.me(me).let_go(slot);
                });
            } else {
                self.requests(me, Some(slot), request);
            }
        }
    }

    fn handlers(&mut self, me: u8) {
        let process = &self.world.processes[usize::from(me)];
        for (slot, one) in process.hands() {
            if process.may_begin(slot) {
                let mut next = *self.world;
                let result = begin(&mut next, me, slot);
                self.add(Action::BeginHandler(me, slot), result.map(|()| next));
            }
            if matches!(one.stage, Stage::Running | Stage::Lost) {
                for outcome in Outcome::ALL {
                    self.plain(Action::EndHandler(me, slot, outcome), |next| {
                        end(next, me, slot, outcome, self.setup);
                    });
                }
            }
            if one.stage == Stage::Running {
                self.fault(Action::Cap(me, slot), |next| {
                    if let Some(hand) = &mut next.me(me).hands[slot] {
                        hand.stage = Stage::Lost;
                        hand.is_capped = true;
                    }
                });
            }
        }
    }

    /// A request that may be sent, and how it may fare.
    fn requests(&mut self, me: u8, slot: Option<usize>, request: Request) {
        let setup = self.setup;
        let mut next = *self.world;
        send(&mut next, me, slot, request);
        let result = ask(&mut next, me, request, setup);
        self.add(Action::Ask(me, request), result.map(|()| next));
        // Of a claim that brings nothing, it makes no difference.
        if request.is_claim() && next.server == self.world.server {
            return;
        }
        self.fault(Action::AskSlowly(me, request), |next| {
            send(next, me, slot, request);
        });
        self.fault(Action::LoseRequest(me, request), |next| {
            send(next, me, slot, request);
            fail(next, me, request);
        });
        self.failing(Action::LoseAnswer(me, request), |next| {
            send(next, me, slot, request);
            carry_out_all(next, me, request, setup)?;
            fail(next, me, request);
            Ok(())
        });
        if self.world.late.is_none() {
            self.fault(Action::AskLate(me, request), |next| {
                send(next, me, slot, request);
                next.late = Some((me, request, 0));
                fail(next, me, request);
            });
        }
    }

    /// What becomes of a request, or an answer, that is on its way.
    fn on_the_way(&mut self, me: u8, way: Way) {
        let mut next = *self.world;
        let process = next.me(me);
        let is_up = process.life == Life::Up;
        let setup = self.setup;
        match *process.lane(way) {
            Lane::Sent(request, asked) => {
                let since = Since {
                    asked,
                    is_prompt: false,
                };
                let result = request.carry_out(&mut next, me, since, setup).map(|step| {
                    let shift = next.server.shift;
                    *next.me(me).lane(way) = match step {
                        Step::Next(request) => Lane::Sent(request, asked),
                        Step::Answer(what) => Lane::Answered(Answer { what, shift }, asked, 0),
                    };
                    next
                });
                self.add(Action::CarryOut(me, way), result);
                if is_up {
                    self.fault(Action::LoseConnection(me, way), |next| {
                        fail(next, me, request);
                    });
                }
            }
            Lane::Answered(answer, asked, done) if is_up => {
                self.plain(Action::Receive(me, way), |next| {
                    accept(next, me, way, answer, (asked, done), setup);
                });
            }
            Lane::Idle | Lane::Answered(..) => {}
        }
    }
}
