//! The course of a state after all faults: every entry comes to its end, and none is
//! forgotten.

use crate::action::{Action, successors};
use crate::process::{Life, Outcome};
use crate::request::Request;
use crate::rules::{self, Fault};
use crate::server::Place;
use crate::setup::Setup;
use crate::world::World;

/// More steps than any way to the end has: some leases, in each of which every process
/// gives signs of life and looks around.
const LONG: usize = 600;

/// Follows one in so many states to its end.
pub(crate) fn check(world: &World, name: u64, setup: &Setup) -> Result<(), Fault> {
    if setup.ends == 0 || !name.is_multiple_of(setup.ends) {
        return Ok(());
    }
    follow(world, setup, |_| {})
}

/// Follows a state to its end, and fails where an entry stays, or a rule is broken.
pub(crate) fn follow(
    world: &World,
    setup: &Setup,
    mut tell: impl FnMut(Action),
) -> Result<(), Fault> {
    let mut world = *world;
    world.faults = 0;
    world.late = None;
    let mut steps = Vec::new();
    if !world.anyone() {
        return Ok(());
    }
    for _ in 0..LONG {
        if world.is_settled() {
            return Ok(());
        }
        steps.clear();
        successors(&world, setup, &mut steps);
        let best = steps
            .drain(..)
            .min_by_key(|(action, _)| rank(*action, &world));
        let Some((action, next)) = best else { break };
        tell(action);
        world = next?;
        rules::hold(&world, setup)?;
    }
    let is_held = |at: usize| matches!(world.server.entries[at].place, Place::Pending { .. });
    Err(if (0..setup.entries).any(is_held) {
        "an entry stays pending for ever"
    } else {
        "an entry is never read"
    })
}

/// What is done first: time passes when there is nothing else to do.
fn rank(action: Action, world: &World) -> u8 {
    let is_idle = !world
        .processes
        .iter()
        .any(|process| process.life == Life::Up);
    match action {
        Action::Thaw(_) => 0,
        Action::Receive(..) | Action::CarryOut(..) => 1,
        Action::Ask(_, Request::Renew { .. }) => 2,
        Action::Ask(_, Request::Beat { .. }) => 3,
        Action::Ask(..) | Action::LeaveOut(..) => 4,
        Action::BeginHandler(..) => 5,
        Action::EndHandler(.., Outcome::Produces) => 6,
        Action::Start(_) if is_idle => 7,
        Action::Tick => 8,
        _ => 9,
    }
}
