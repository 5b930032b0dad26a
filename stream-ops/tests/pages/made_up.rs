//! A night in which `billing` died: an hour of looks, made up.

use std::time::Duration;

use stream_lib::EntryId;
use stream_ops::assess::{Past, State};
use stream_ops::observe::{
    ConsumerFacts, GroupFacts, History, Look, LookCost, ServerFacts, StreamFacts, Suspect,
};
use stream_ops::serve::view::Event;
use stream_ops::server::Cost;

/// 03:04:12, the time of the look.
pub(crate) const NOW: u64 = 1_795_662_252_000;

/// 02:41:03, when the last process died.
const DIED: u64 = NOW - 1_389_000;

const HOUR: u64 = 3_600_000;
const STEP: u64 = 10_000;

/// The entry that killed three processes.
pub(crate) const SUSPECT: EntryId = EntryId::new(1_795_660_841_120, 0);

/// The history up to now.
pub(crate) fn night() -> History {
    history(true)
}

/// The last problem before the better day.
pub(crate) fn past() -> Past {
    Past {
        stream: "orders".to_owned(),
        group: "billing".to_owned(),
        state: State::StandsStill,
        from_ms: NOW - 26 * HOUR - 1_680_000,
        until_ms: NOW - 26 * HOUR,
    }
}

/// The same on a better day.
pub(crate) fn calm() -> History {
    history(false)
}

fn history(is_bad: bool) -> History {
    let mut history = History::default();
    let steps = (0..=HOUR / STEP).map(|step| NOW - HOUR + step * STEP);
    let mut times: Vec<u64> = steps.chain([DIED]).collect();
    times.sort_unstable();
    for at in times {
        history.add(look(at, is_bad));
    }
    history
}

/// The number of entries up to a time, at a slightly varying pace.
fn came(at: u64, per_second: f64, seed: u64) -> u64 {
    let seconds = (at - (NOW - 2 * HOUR)) as f64 / 1_000.0;
    let minute = (at / 60_000) ^ seed;
    let wobble = (minute.wrapping_mul(2_654_435_761) >> 7) % 100;
    let more = per_second * 0.06 * wobble as f64;
    (seconds * per_second + more * 3.0) as u64
}

fn look(at: u64, is_bad: bool) -> Look {
    let mut streams = vec![
        audit(at),
        emails(at, is_bad),
        orders(at, is_bad),
        payments(at),
        tracking(at),
        stock(at),
    ];
    streams.sort_by(|a, b| a.name.cmp(&b.name));
    Look {
        at_ms: at,
        streams,
        servers: vec![server(at)],
        is_complete: true,
        cost: Some(cost()),
    }
}

fn cost() -> LookCost {
    LookCost {
        of_redis: Cost {
            round_trips: 27,
            calls: 97,
            sent: 21_300,
            received: 14_800,
            server_time: Some(Duration::from_micros(1_900)),
        },
        took: Duration::from_millis(12),
    }
}

fn server(at: u64) -> ServerFacts {
    let memory = 2_040_109_465 - (NOW - at) * (38 << 20) / HOUR;
    ServerFacts {
        address: "10.0.3.7:6379".to_owned(),
        round_trip: Duration::from_micros(400),
        at_ms: at,
        version: Some("Redis 7.0.15".to_owned()),
        role: Some("master".to_owned()),
        replicas: Some(1),
        memory: Some(memory),
        max_memory: Some(6 << 30),
        policy: Some("noeviction".to_owned()),
        appends: Some(true),
        saved_ms: Some(at - 12_000),
        saves_well: Some(true),
        clients: Some(31),
        is_loading: Some(false),
    }
}

fn stream(name: &str, at: u64, added: u64, length: u64) -> StreamFacts {
    StreamFacts {
        name: name.to_owned(),
        at_ms: at,
        exists: true,
        is_ours: true,
        length,
        added: Some(added),
        last: Some(EntryId::new(at - 30, 0)),
        first: Some(EntryId::new(at - 1_600_000, 0)),
        priority: Some("Normal".to_owned()),
        ..StreamFacts::default()
    }
}

fn group(name: &str, added: u64, unread: u64, oldest_ms: Option<u64>, at: u64) -> GroupFacts {
    GroupFacts {
        name: name.to_owned(),
        cursor: EntryId::new(at - oldest_ms.unwrap_or(0), 0),
        read: Some(added - unread),
        unread: Some(unread),
        unread_is_exact: true,
        oldest_unread_ms: oldest_ms.map(|age| at - age),
        ..GroupFacts::default()
    }
}

fn member(name: &str, pending: u64, at: u64) -> ConsumerFacts {
    ConsumerFacts {
        name: name.to_owned(),
        alive: Some(true),
        is_member: true,
        sign_ms: Some(at + 20_000),
        idle_ms: Some(400),
        pending,
        oldest_pending_ms: (pending > 0).then_some(900),
        ..ConsumerFacts::default()
    }
}

fn dead(name: &str, ago_ms: u64, pending: u64, oldest_ms: u64) -> ConsumerFacts {
    ConsumerFacts {
        name: name.to_owned(),
        alive: Some(false),
        is_member: true,
        sign_ms: Some(NOW - ago_ms),
        idle_ms: Some(ago_ms + 1_000),
        pending,
        oldest_pending_ms: (pending > 0).then_some(oldest_ms),
        ..ConsumerFacts::default()
    }
}

fn orders(at: u64, is_bad: bool) -> StreamFacts {
    let added = came(at, 31.6, 7);
    let billing = if is_bad && at >= DIED {
        let unread = (at - DIED) * 43_608 / (NOW - DIED);
        let mut billing = group(
            "billing",
            came(DIED, 31.6, 7).max(unread),
            unread,
            Some(at - DIED),
            at,
        );
        billing.read = Some(came(DIED, 31.6, 7));
        billing.cursor = EntryId::new(DIED - 20, 0);
        billing.pending = 265;
        billing.waiting = 9;
        billing.waiting_due = 9;
        billing.oldest_pending = Some(SUSPECT);
        billing.consumers = vec![
            dead("node-4-2211", 1_389_000, 128, 1_450_000),
            dead("node-2-871", 1_450_000, 128, 1_510_000),
            dead("node-4-2087", 1_570_000, 0, 0),
        ];
        billing.suspects = vec![Suspect {
            stream: "orders".to_owned(),
            id: SUSPECT,
            consumer: "node-4-2211".to_owned(),
            deliveries: 3,
            idle_ms: 1_389_000,
        }];
        billing
    } else {
        let mut billing = group("billing", added, 12, Some(400), at);
        billing.consumers = vec![member("node-4-2211", 40, at), member("node-2-871", 31, at)];
        billing.pending = 71;
        billing
    };
    let mut fraud = group("fraud", added, 12, Some(400), at);
    fraud.pending = 31;
    fraud.consumers = vec![member("node-1-77", 16, at), member("node-3-12", 15, at)];
    let mut archive = group("archive", added, 0, None, at);
    archive.pending = 64;
    archive.consumers = vec![member("node-5-4", 64, at)];
    let length = if is_bad && at > DIED {
        953 + billing.unread.unwrap_or(0)
    } else {
        953
    };
    StreamFacts {
        dead: if at > NOW - 1_530_000 { 41 } else { 24 },
        dead_capacity: Some(100_000),
        newest_dead: Some(EntryId::new(NOW - 1_400_000, 0)),
        max_length: Some(1_000),
        groups: vec![archive, billing, fraud],
        ..stream("orders", at, added, length)
    }
}

fn emails(at: u64, is_bad: bool) -> StreamFacts {
    // A burst, 20 to 8 minutes ago.
    let (from, to) = (NOW - 1_200_000, NOW - 480_000);
    let burst = if is_bad { at.clamp(from, to) - from } else { 0 };
    let added = came(at, 12.0, 3) + burst * 14 / 1_000;
    let unread = if is_bad && at > to {
        1_920 + (NOW - at) * 16 / 1_000
    } else {
        2
    };
    let oldest = if unread > 2 {
        160_000 + (NOW - at) / 3
    } else {
        200
    };
    let mut mailer = group("mailer", added, unread, Some(oldest), at);
    mailer.pending = 20;
    mailer.consumers = vec![member("mail-1", 20, at)];
    StreamFacts {
        groups: vec![mailer],
        ..stream("emails", at, added, 5_000 + unread)
    }
}

fn payments(at: u64) -> StreamFacts {
    let added = came(at, 4.2, 11);
    let mut ledger = group("ledger", added, 0, None, at);
    ledger.consumers = vec![member("ledger-1", 1, at)];
    ledger.pending = 1;
    StreamFacts {
        groups: vec![ledger],
        ..stream("payments", at, added, 1_000)
    }
}

fn tracking(at: u64) -> StreamFacts {
    let added = came(at, 410.0, 5);
    let groups = ["sessions", "stats"].map(|name| {
        let mut group = group(name, added, 310, Some(800), at);
        group.consumers = vec![member("web-1", 100, at), member("web-2", 100, at)];
        group.pending = 200;
        group
    });
    StreamFacts {
        groups: groups.to_vec(),
        ..stream("tracking", at, added, 100_000)
    }
}

fn stock(at: u64) -> StreamFacts {
    StreamFacts {
        ..stream("{shop}:stock", at, came(at, 0.8, 2), 8_214)
    }
}

fn audit(at: u64) -> StreamFacts {
    let last = EntryId::new(NOW - 6 * HOUR, 0);
    let mut keeper = group("keeper", 400, 0, None, at);
    keeper.cursor = last;
    keeper.consumers = vec![member("keeper-1", 0, at)];
    StreamFacts {
        last: Some(last),
        groups: vec![keeper],
        ..stream("audit", at, 400, 400)
    }
}

/// The events of that night.
pub(crate) fn events() -> Vec<Event> {
    let event = |ago_ms: u64, kind: &str, count: u64, consumer: &str, text: &str| Event {
        stream: "orders".to_owned(),
        at_ms: NOW - ago_ms,
        kind: kind.to_owned(),
        count,
        group: "billing".to_owned(),
        consumer: consumer.to_owned(),
        text: text.to_owned(),
    };
    vec![
        event(1_389_000, "consumer-removed", 1, "node-4-2087", ""),
        event(1_400_000, "takeover", 128, "node-4-2087", ""),
        event(
            1_521_000,
            "burial",
            17,
            "node-4-2087",
            "amount: a number expected",
        ),
        event(
            6_572_000,
            "burial",
            21,
            "node-2-871",
            "retries used up, payments-db timed out",
        ),
    ]
}
