//! The requests that a process may send next, as the keeper, the reader and the settler
//! of a consumer do.

use crate::bug::Bug;
use crate::claims::TakeOver;
use crate::ends::Parking;
use crate::process::{Action, Delivery, Lane, Life, Process, Stage};
use crate::request::Request;
use crate::setup::{LEASE, Setup};

impl Process {
    /// What the keeper and the reader may ask for next.
    pub(crate) fn keeper_requests(&self, setup: &Setup, into: &mut Vec<Request>) {
        if self.life != Life::Up || self.keeper != Lane::Idle {
            return;
        }
        let third = LEASE as u8 / 3;
        if self.is_hasty || self.renewable().any(|one| one.confirmed >= third) {
            let due = self.picked(|one| {
                one.stage != Stage::Lost && !one.has_waited() && one.confirmed >= third
            });
            let alone = self.is_paused() || setup.has(Bug::KeepsLock) && self.releases;
            into.push(Request::Renew { due, alone });
        }
        if self.beat >= third {
            into.push(Request::Beat {
                set_back: self.set_back,
            });
        }
        for (slot, one) in self.hands() {
            if one.is_capped && one.stage == Stage::Lost && !one.is_repeated {
                let last = one.attempt + 1 >= setup.deliveries;
                into.push(Request::Cap {
                    slot: slot as u8,
                    parking: Parking {
                        entry: one.entry,
                        attempt: one.attempt,
                        delay: (!last).then_some(0),
                        deliveries: None,
                    },
                });
            }
        }
        if self.recovers && !setup.has(Bug::ForgetsAnswers) {
            into.push(Request::Pending);
        }
        if self.moving > 0 {
            into.push(Request::MoveDue {
                back: self.moving,
                moves: self.moves,
            });
            return;
        }
        if self.releases {
            into.push(Request::Release);
            return;
        }
        if self.is_paused() || self.room() == 0 {
            return;
        }
        let (leave, window, room) = (self.is_capped(), self.clock, self.room() as u8);
        into.push(Request::Read { room: 1 });
        into.push(Request::ClaimDue {
            room,
            leave,
            window,
        });
        if self.put_off > 0 && !setup.has(Bug::TakesOverAfterStep) {
            return;
        }
        if self.is_gathering {
            into.push(Request::Gather);
        } else if self.is_looking {
            into.push(Request::TakeOver {
                room,
                window,
                step: TakeOver {
                    dead: self.dead,
                    takeover: self.takeover,
                    by_signs: self.by_signs,
                    leave,
                },
            });
        }
    }

    /// What the settler may ask for next: how a delivery ended.
    pub(crate) fn settler_requests(&self, setup: &Setup, into: &mut Vec<(usize, Request)>) {
        if self.life != Life::Up || self.settler != Lane::Idle {
            return;
        }
        for (slot, one) in self.hands() {
            if let Some(request) = settlement(one, setup) {
                into.push((slot, request));
            }
        }
    }
}

/// The request that ends a delivery, where it has ended.
fn settlement(one: &Delivery, setup: &Setup) -> Option<Request> {
    let Delivery { entry, attempt, .. } = *one;
    Some(match one.stage {
        Stage::Done | Stage::Settling(Action::Ack) if is_ours(one.confirmed, setup) => {
            Request::Ack { entry }
        }
        Stage::Done | Stage::Settling(Action::Ack | Action::AckHeld) => Request::AckHeld { entry },
        Stage::Settling(Action::Produce) => Request::Commit { entry },
        Stage::Settling(Action::Bury) => Request::Bury { entry },
        Stage::Settling(Action::Retry) => Request::Park(Parking {
            entry,
            attempt,
            delay: Some(1),
            deliveries: None,
        }),
        Stage::Settling(Action::GiveBack) => Request::Park(Parking {
            entry,
            attempt,
            delay: (!one.is_alone).then_some(0),
            deliveries: Some(attempt.saturating_sub(1)),
        }),
        Stage::Buffered | Stage::Running | Stage::Lost => return None,
    })
}

/// `consumer::member::done::is_ours`.
fn is_ours(confirmed: u8, setup: &Setup) -> bool {
    let (confirmed, lease) = (i32::from(confirmed), i32::from(LEASE));
    match setup.bug {
        Some(Bug::AcksLongAfter) => true,
        Some(Bug::AcksForThreeQuarters) => 4 * confirmed < 3 * lease,
        _ => 8 * confirmed < 5 * lease,
    }
}
