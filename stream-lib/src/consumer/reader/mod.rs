//! The thread that reads new entries.

mod flight;
mod overrun;
mod recovery;
mod unreadable;

use std::time::{Duration, Instant};

use crate::command::{self, MakeGroup, StreamEventKind};
use crate::config::event::GroupRecreated;
use crate::config::{OnGroupLost, StartFrom};
use crate::consumer::divided::find_partitions;
use crate::consumer::member::Member;
use crate::consumer::member::health::Role;
use crate::consumer::member::link::MemberLink;
use crate::consumer::reader::flight::Flight;
use crate::consumer::reader::recovery::Recovery;
use crate::error::ErrorKind;
use crate::runtime::Backoff;

/// How long a reader keeps the acknowledgements for its next read while others have their
/// turns.
const KEEPS: Duration = Duration::from_millis(5);

/// Reads until the member stops.
pub(crate) fn run(member: &Member) {
    let room = &member.common.buffer.room;
    room.begin_reading();
    read(member);
    room.end_reading(&member.stop);
    member.acknowledging.leave_to_settler();
}

fn read(member: &Member) {
    let mut link = member.link(Role::Reader, &member.stop);
    let mut recovery = Recovery::new(member);
    let mut regroup = Backoff::for_connections();
    let mut flight = Flight::default();
    // The member of a whole stream has joined its group by now, or makes it.
    let mut has_joined = member.partition.is_none();
    while !(member.stop.is_set() && flight.is_empty()) {
        if flight.is_empty() && !wait_for_room(member, &flight) {
            continue;
        }
        let outcome = link.run(|wire| {
            if !member.health.has_passed_checks() {
                // Redis was away at the start.
                if member.partition.is_none()
                    && let Some(partitions) = find_partitions(&member.group, wire)?
                {
                    member.divide(partitions);
                    return Ok(());
                }
                command::preflight(wire, &member.group, &member.name)?;
                member.health.passed_checks();
            }
            if !has_joined {
                member.group.join(wire, &member.name)?;
                has_joined = true;
            }
            if recovery.is_due() && flight.is_empty() {
                recovery.run(wire)?;
            }
            let more = !recovery.is_due();
            if more {
                flight.take_off(member, wire)?;
            }
            flight.land(member, wire, more)
        });
        match outcome {
            Ok(()) => regroup.reset(),
            Err(e) if e.kind() == ErrorKind::NoGroup => {
                flight.lost(member);
                // The read behind it fails the same way, unless the group is made again
                // in between.
                link.drop_wire();
                member.claiming.lost_answer();
                heal(member, &mut link);
                member.stop.sleep(regroup.next());
            }
            Err(_) => {
                flight.lost(member);
                // The answer may have been on its way.
                member.claiming.lost_answer();
            }
        }
    }
    if recovery.is_watching() {
        // The stop of the member goes on with that.
        member.claiming.lost_answer();
    }
}

/// Waits until entries may be asked for. Returns false if the consumer stops, or nothing
/// has changed for a while.
fn wait_for_room(member: &Member, flight: &Flight<'_>) -> bool {
    let room = &member.common.buffer.room;
    let is_full = flight.is_full();
    let first = !is_full || flight.has_turn(member);
    let wait = |until| room.wait(&member.stop, until, first, || member.room(!is_full));
    if room.is_shared() && is_full {
        if wait(Instant::now() + KEEPS) {
            return !member.stop.is_set();
        }
        // A worker that would make room may wait for an acknowledgement.
        member.acknowledging.leave_to_settler();
    }
    wait(Instant::now() + member.config.block_duration) && !member.stop.is_set()
}

/// Makes the vanished group again, or stops, as the configuration says.
fn heal(member: &Member, link: &mut MemberLink) {
    let group = &member.group;
    let stood = member.health.group_stood();
    if stood && member.config.on_group_lost == OnGroupLost::Stop {
        // A slot that moves to another node looks the same, on Redis 7.0.
        if let Ok(false) = link.run(|wire| group.stands_with(wire, &member.name)) {
            member.health.fail(&command::group_lost(group));
        }
        return;
    }
    let from = if stood {
        StartFrom::Beginning
    } else {
        member.config.start_from
    };
    let made = link.run(|wire| {
        let made = group.make(wire, from)?;
        group.join(wire, &member.name)?;
        Ok(made)
    });
    if made.is_ok() {
        member.health.group_stands();
    }
    if stood && matches!(made, Ok(MakeGroup::Made)) {
        log::warn!(
            "the group `{}` of `{}` had vanished and was made again, at the beginning",
            group.name(),
            group.stream()
        );
        member.note(
            StreamEventKind::GroupMade,
            1,
            "at the beginning of the stream",
        );
        member.config.events.tell(|e| {
            e.group_recreated(&GroupRecreated {
                stream: member.declared_stream(),
                group: group.name(),
                consumer: &member.name,
            });
        });
    }
}
