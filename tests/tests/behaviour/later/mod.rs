//! Scheduled messages, and recurring jobs.

mod adding;
mod asked_races;
mod asked_runs;
mod crons;
mod due;
mod listing;
mod outages;
mod partitions;
mod rights;
mod rules;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stream_lib::{Added, ScheduleId};

use crate::support::Shop;

/// The id of a message that is scheduled.
#[track_caller]
fn id_of(added: Added) -> ScheduleId {
    added.schedule_id().unwrap_or_else(|| panic!("{added:?}"))
}

/// The server's clock.
#[track_caller]
fn server_time(shop: &Shop) -> SystemTime {
    let [seconds, micros]: [u64; 2] = shop.ask::<Vec<u64>>("TIME").try_into().unwrap();
    UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros)
}

/// The keys of scheduled messages and of jobs that there are.
#[track_caller]
fn keys_of_later(shop: &Shop) -> Vec<String> {
    let mut keys: Vec<String> = shop.ask("KEYS {orders}:*");
    keys.retain(|key| {
        [":due", ":later", ":unique", ":cron"]
            .iter()
            .any(|end| key.ends_with(end))
    });
    keys.sort();
    keys
}

/// A field of each entry of a stream, in order.
#[track_caller]
fn fields(shop: &Shop, stream: &str, name: &str) -> Vec<String> {
    let entries: Vec<(String, Vec<(String, String)>)> = shop.ask(&format!("XRANGE {stream} - +"));
    let field = |fields: &[(String, String)]| {
        let found = fields.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| value.clone())
    };
    entries
        .iter()
        .map(|(_, fields_of)| field(fields_of))
        .collect()
}
