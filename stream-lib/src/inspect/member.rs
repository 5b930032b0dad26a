//! The members of a group, and the facts that they report of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::command::{ConsumerFacts, FactsRecord, Roster};
use crate::message::RESERVED;

/// A consumer of a group, of this library or of another: see
/// [`StreamManager::members`](crate::StreamManager::members).
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Member {
    /// Its name in Redis: see [`Consumer::name`](crate::Consumer::name).
    pub name: String,
    /// Whether it lives, by its sign of life; `None` if it gives none: a consumer of
    /// another library, or one that died more than an hour ago.
    pub alive: Option<bool>,
    /// The time since its last sign of life; `None` if it isn't known.
    pub last_beat: Option<Duration>,
    /// Entries that it holds, delivered and not acknowledged, in all partitions (`XINFO
    /// CONSUMERS`, `pending`).
    pub pending: u64,
    /// The time since it last asked for entries, before Redis 7.2 since it last got one,
    /// in the partition where that is least (`XINFO CONSUMERS`, `idle`); `None` if Redis
    /// doesn't know the consumer.
    pub idle: Option<Duration>,
    /// The facts that it reports of itself; `None` if it reports none.
    pub facts: Option<MemberFacts>,
}

/// The facts that a consumer reports of itself with each sign of life, for people and
/// their tools. They are as old as its [last sign](Member::last_beat).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MemberFacts {
    /// The [program](crate::ConnectionConfig::program).
    pub program: String,
    /// Its [version](crate::ConnectionConfig::program_version), if one was given.
    pub version: Option<String>,
    /// The version of this library.
    pub library: String,
    /// Worker threads.
    pub workers: u64,
    /// Handlers that are running.
    pub running: u64,
    /// Entries in the buffer, waiting for a worker.
    pub buffered: u64,
    /// Entries handled with success since the consumer was created.
    pub completed: u64,
    /// Deliveries that failed since the consumer was created.
    pub failed: u64,
    /// The median of the handlers' running times, at most a quarter too high; `None`
    /// before one has ended.
    pub p50: Option<Duration>,
    /// The 99th percentile of the handlers' running times, as `p50`.
    pub p99: Option<Duration>,
    /// The running time so far of the longest-running handler; `None` if none runs.
    pub longest_running: Option<Duration>,
    /// Its lease.
    pub lease: Duration,
    /// The text of the last error of a handler, as far as there is room; `None` if none
    /// has failed yet, and if it may quote sensitive values.
    pub last_error: Option<String>,
}

impl From<&FactsRecord> for MemberFacts {
    fn from(facts: &FactsRecord) -> Self {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let micros = |time: Option<u64>| time.map(Duration::from_micros);
        Self {
            program: facts.program.clone(),
            version: text(&facts.version),
            library: facts.library.clone(),
            workers: facts.workers,
            running: facts.running,
            buffered: facts.buffered,
            completed: facts.completed,
            failed: facts.failed,
            p50: micros(facts.p50),
            p99: micros(facts.p99),
            longest_running: micros(facts.longest),
            lease: Duration::from_millis(facts.lease),
            last_error: text(&facts.error),
        }
    }
}

/// The members of a group, by name: those that give signs of life, and those that Redis
/// knows as consumers of the partitions. Reserved ones, such as `~waiting`, are left out.
pub(crate) fn members_of(roster: &Roster, parts: &[Vec<ConsumerFacts>]) -> Vec<Member> {
    let mut names: BTreeSet<&[u8]> = roster.signs.iter().map(|sign| &*sign.member).collect();
    let mut known: BTreeMap<&[u8], (u64, Duration)> = BTreeMap::new();
    for consumer in parts.iter().flatten() {
        names.insert(&consumer.name);
        let (pending, idle) = known.entry(&consumer.name).or_insert((0, Duration::MAX));
        *pending += consumer.pending;
        *idle = consumer.idle.min(*idle);
    }
    let member = |name: &[u8]| {
        let sign = roster.signs.iter().find(|sign| sign.member == name);
        let facts = roster.facts.get(name);
        let lease = facts.map(|facts| facts.lease).filter(|lease| *lease > 0);
        let given = sign
            .zip(lease)
            .map(|(sign, lease)| sign.till.saturating_sub(lease));
        let in_redis = known.get(name);
        Member {
            name: String::from_utf8_lossy(name).into_owned(),
            alive: sign.map(|sign| sign.till > roster.server_ms),
            last_beat: given.map(|at| Duration::from_millis(roster.server_ms.saturating_sub(at))),
            pending: in_redis.map_or(0, |(pending, _)| *pending),
            idle: in_redis.map(|(_, idle)| *idle),
            facts: facts.map(MemberFacts::from),
        }
    };
    let names = names.into_iter();
    let names = names.filter(|name| name.first() != Some(&RESERVED));
    names.map(member).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Sign;

    #[test]
    fn members_are_those_with_a_sign_and_those_that_redis_knows() {
        let sign = |name: &str, till| Sign {
            member: name.as_bytes().to_vec(),
            till,
            leaves: false,
        };
        let consumer = |name: &str, pending, idle| ConsumerFacts {
            name: name.as_bytes().to_vec(),
            pending,
            idle: Duration::from_millis(idle),
        };
        let facts = FactsRecord {
            lease: 30_000,
            p50: Some(1_500),
            ..FactsRecord::default()
        };
        let roster = Roster {
            server_ms: 100_000,
            signs: vec![sign("alive", 120_000), sign("dead", 90_000)],
            facts: [(b"alive".to_vec(), facts)].into(),
        };
        let parts = [
            vec![consumer("alive", 2, 50), consumer("redis-py", 7, 9_000)],
            vec![consumer("alive", 3, 20), consumer("~waiting", 9, 0)],
        ];
        let members = members_of(&roster, &parts);
        let names: Vec<_> = members.iter().map(|member| &*member.name).collect();
        assert_eq!(names, ["alive", "dead", "redis-py"]);
        let [alive, dead, other] = &*members else {
            unreachable!()
        };
        assert_eq!(alive.alive, Some(true));
        assert_eq!(alive.last_beat, Some(Duration::from_secs(10)));
        assert_eq!(
            (alive.pending, alive.idle),
            (5, Some(Duration::from_millis(20)))
        );
        let facts = alive.facts.as_ref().unwrap();
        assert_eq!(facts.p50, Some(Duration::from_micros(1_500)));
        assert_eq!(facts.last_error, None);
        assert_eq!(
            (dead.alive, dead.last_beat, dead.idle),
            (Some(false), None, None)
        );
        assert_eq!((other.alive, other.pending, &other.facts), (None, 7, &None));
    }
}
