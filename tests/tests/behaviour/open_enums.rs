//! Public enums that may get more variants: programs that match on today's variants still
//! compile then. For an enum that is not open, the last arms here are errors.

#![deny(unreachable_patterns)]

use std::time::{Duration, SystemTime};

use stream_lib::{
    Added, DeadReason, EntryId, OnGroupLost, Priority, RetryPolicy, RetrySchedule, StartFrom,
    WhenFull,
};

fn priority(of: Priority) -> u8 {
    match of {
        Priority::Low => 1,
        Priority::Normal => 2,
        Priority::High => 3,
        Priority::Critical => 4,
        _ => 0,
    }
}

fn when_full(of: WhenFull) -> u8 {
    match of {
        WhenFull::Block => 1,
        WhenFull::Fail => 2,
        WhenFull::Wait(_) => 3,
        _ => 0,
    }
}

fn start_from(of: StartFrom) -> u8 {
    match of {
        StartFrom::Beginning => 1,
        StartFrom::End => 2,
        StartFrom::Id(_) => 3,
        StartFrom::Time(_) => 4,
        _ => 0,
    }
}

fn on_group_lost(of: OnGroupLost) -> u8 {
    match of {
        OnGroupLost::Recreate => 1,
        OnGroupLost::Stop => 2,
        _ => 0,
    }
}

fn dead_reason(of: DeadReason) -> u8 {
    match of {
        DeadReason::RetriesExhausted => 1,
        DeadReason::Permanent => 2,
        DeadReason::Undecodable => 3,
        DeadReason::Crashed => 4,
        _ => 0,
    }
}

fn added(of: Added) -> u8 {
    match of {
        Added::Main(_) => 1,
        Added::Backup(_) => 2,
        Added::Spooled => 3,
        Added::Duplicate(_) => 4,
        _ => 0,
    }
}

fn schedule(of: &RetrySchedule) -> u8 {
    match of {
        RetrySchedule::Exponential { .. } => 1,
        RetrySchedule::List(_) => 2,
        _ => 0,
    }
}

#[test]
fn enums_that_may_grow_are_matched_with_a_wildcard() {
    let priorities = Priority::all().iter().copied();
    assert!(priorities.map(priority).eq([1, 2, 3, 4]));
    let (first, second) = (EntryId::MIN, Duration::from_secs(1));
    let numbers = [
        when_full(WhenFull::Wait(second)),
        start_from(StartFrom::Time(SystemTime::UNIX_EPOCH)),
        on_group_lost(OnGroupLost::Stop),
        dead_reason(DeadReason::Crashed),
        added(Added::Duplicate(first)),
        schedule(&RetryPolicy::default().settings().schedule),
    ];
    assert_eq!(numbers, [3, 4, 2, 4, 4, 1]);
}
