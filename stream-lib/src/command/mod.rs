//! The only place that names a Redis command: typed operations on a connection.

mod add;
mod ask;
mod backup;
mod beat;
mod body;
mod bury;
mod claim;
mod clock;
mod commit;
mod cron;
mod cron_request;
mod dead;
mod dead_marks;
mod declare;
mod delete;
mod deleting;
mod drain;
mod entries;
mod envelope;
mod event_kind;
mod event_log;
mod extras;
mod facts;
mod forget;
mod group;
mod group_facts;
mod hands;
mod hold;
mod lock;
#[cfg(feature = "test-util")]
mod made_up;
mod mark;
mod member_facts;
mod origin;
mod outgoing;
mod pack;
mod partitions;
mod peek;
mod ping;
mod preflight;
mod read;
mod reply;
pub(crate) mod reserved;
mod retain;
mod roster;
mod route;
mod scan;
mod schedule;
mod scheduled_keys;
mod schema;
mod script;
mod server;
mod settle;
mod shortened;
#[cfg(feature = "spool")]
mod spooled;
mod together;
mod turns;
mod unblock;
mod wait;

pub(crate) use self::add::{pack_adds, receive_ids};
pub(crate) use self::ask::ask;
pub(crate) use self::backup::{BackupBounds, declare_backup, known_backup};
pub(crate) use self::beat::{Beat, Holding, Look, Sign, SignGiven, look, members};
pub(crate) use self::bury::{Burial, Burials, DeadBounds, bury};
pub(crate) use self::claim::{
    ClaimDue, Claimed, ClockWindow, Due, TakeOver, Timed, gather, recover, take_over,
};
pub(crate) use self::clock::DueMove;
pub(crate) use self::commit::{Commit, Committed, Completion, add_outputs};
pub(crate) use self::cron::{
    JobAnswer, JobCall, JobOutcome, JobState, StoredJob, Tick, stored_jobs,
};
pub(crate) use self::cron_request::{AskOutcome, JobRequest, RequestState};
pub(crate) use self::dead::{
    FieldEdit, Redriven, dead_letters, newest_dead_letter, redrive, redrive_oldest,
    remove_dead_letters, remove_dead_letters_until,
};
pub(crate) use self::dead_marks::{DeadMark, DeadWalk, dead_marks};
pub(crate) use self::declare::Replaced;
pub(crate) use self::delete::{delete_stream, ensure_deletable, group_names};
pub(crate) use self::deleting::mark_deleting;
pub(crate) use self::drain::{DrainLease, DrainState, Drained, Drainer};
pub(crate) use self::entries::Entries;
pub use self::envelope::Envelope;
pub use self::event_kind::StreamEventKind;
pub(crate) use self::event_log::{KnownEvent, NewEvent, add_event, events, tell_event};
pub(crate) use self::extras::Extras;
pub(crate) use self::facts::{PendingEntry, length, pending_of, stream_facts};
pub(crate) use self::forget::{Traces, ensure_lifeless, forget_group, remove_group, traces};
pub(crate) use self::group::{Group, MakeGroup, group_lost};
pub(crate) use self::group_facts::GroupFacts;
pub(crate) use self::hands::{
    ConsumerFate, DeadHands, HandsOutcome, HeldEntry, Judgement, Life, Signs, act_on_dead_hands,
    held_entries, is_reserved, remove_dead_consumer, set_group_id,
};
pub(crate) use self::hold::{GroupHold, held, hold, hold_for, release};
pub(crate) use self::lock::{free_locks, hold_lock, hold_locks, release_lock};
pub(crate) use self::mark::Mark;
pub(crate) use self::member_facts::FactsRecord;
pub(crate) use self::origin::original_id;
pub(crate) use self::outgoing::{Encoded, Outgoing};
pub(crate) use self::partitions::{declare_partitions, known_partitions, outside_of_partitions};
pub(crate) use self::peek::{Glance, GlancedEntry, glance};
pub(crate) use self::ping::answers;
pub(crate) use self::preflight::preflight;
pub(crate) use self::read::Read;
pub(crate) use self::retain::{
    Errand, Position, Retain, Retained, Sight, count_entries, declare_retention, retain,
};
pub(crate) use self::roster::{ConsumerFacts, Roster, consumers, roster};
pub(crate) use self::route::{
    Once, Placed, Routing, add_once, pack_add_once, pack_route, receive_placed, route,
};
pub(crate) use self::scan::{key_type, scan_schedules, scan_streams};
pub(crate) use self::schedule::{
    Later, Promoted, Promotion, ScheduleOutcome, Scheduling, Waiting, cancel_scheduled,
    count_scheduled, list_scheduled, reschedule,
};
pub(crate) use self::schema::{NotedSchema, SEEN_FOR, SchemaRole, known_schemas, note_schema};
pub(crate) use self::server::first_look;
pub(crate) use self::settle::{Found, Parking, ack, ack_held, park, renew};
#[cfg(feature = "spool")]
pub(crate) use self::spooled::{
    SpoolMark, SpooledAdd, forget_spool, register_spool, route_spooled,
};
pub(crate) use self::turns::{TakeTurns, Turns};
pub(crate) use self::unblock::unblock;
pub(crate) use self::wait::{Lack, Wait, Waited, may_wait};

#[cfg(test)]
mod tests;
