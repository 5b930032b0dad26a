//! Tables of states, causes and sentences.

use stream_lib::EntryId;

use super::*;
use crate::observe::{
    ConsumerFacts, GroupFacts, HeldFacts, History, Look, MemberFacts, MisfitFacts, Program,
    ServerFacts, StreamFacts, Suspect,
};

/// 2026-11-27 03:04:12 UTC.
pub(super) const NOW: u64 = 1_795_748_652_000;
pub(super) const MIN: u64 = 60_000;

pub(super) fn living() -> ConsumerFacts {
    ConsumerFacts {
        name: "node-1".to_owned(),
        alive: Some(true),
        is_member: true,
        sign_ms: Some(NOW + 30_000),
        idle_ms: Some(100),
        ..ConsumerFacts::default()
    }
}

pub(super) fn dead(idle_ms: u64) -> ConsumerFacts {
    ConsumerFacts {
        name: "node-4-2211".to_owned(),
        alive: Some(false),
        sign_ms: Some(NOW - idle_ms + 30_000),
        idle_ms: Some(idle_ms),
        pending: 128,
        facts: MemberFacts {
            lease_ms: Some(30_000),
            ..MemberFacts::default()
        },
        ..living()
    }
}

pub(super) fn group(unread: u64, behind_ms: u64, consumers: Vec<ConsumerFacts>) -> GroupFacts {
    GroupFacts {
        name: "billing".to_owned(),
        cursor: EntryId::new(NOW - behind_ms - 1, 0),
        unread: Some(unread),
        unread_is_exact: true,
        oldest_unread_ms: (unread > 0).then_some(NOW - behind_ms),
        consumers,
        ..GroupFacts::default()
    }
}

pub(super) fn stream(group: GroupFacts, at_ms: u64) -> StreamFacts {
    StreamFacts {
        name: "orders".to_owned(),
        at_ms,
        exists: true,
        is_ours: true,
        length: 44_561,
        added: Some(44_561),
        first: Some(EntryId::new(NOW - 100 * MIN, 0)),
        last: Some(EntryId::new(NOW - 10, 0)),
        groups: vec![group],
        ..StreamFacts::default()
    }
}

pub(super) fn look(streams: Vec<StreamFacts>, at_ms: u64) -> Look {
    Look {
        at_ms,
        streams,
        is_complete: true,
        ..Look::default()
    }
}

/// One look.
fn once(group: GroupFacts) -> History {
    let mut history = History::default();
    history.add(look(vec![stream(group, NOW)], NOW));
    history
}

/// Looks every two seconds for a time, each with the group as it was then.
pub(super) fn watched(for_ms: u64, at: impl Fn(u64) -> GroupFacts) -> History {
    let mut history = History::default();
    for step in 0..=for_ms / 2_000 {
        let at_ms = NOW - for_ms + step * 2_000;
        history.add(look(vec![stream(at(at_ms), at_ms)], at_ms));
    }
    history
}

pub(super) fn state(history: &History) -> (State, Vec<&'static str>) {
    let assessment = assess(history);
    let group = assessment.group("orders", "billing").unwrap();
    let causes = group.causes.iter().map(Cause::as_str).collect();
    (group.state, causes)
}

#[test]
fn one_look_tells_as_much_as_ages_do() {
    let held = |group: GroupFacts| GroupFacts {
        held: Some(HeldFacts {
            until_ms: NOW + MIN,
            why: "the bank is down".to_owned(),
        }),
        ..group
    };
    let waiting = |due: u64| GroupFacts {
        pending: 9,
        waiting: 9,
        waiting_due: due,
        oldest_pending: Some(EntryId::new(NOW - 5 * MIN, 0)),
        ..group(0, 0, Vec::new())
    };
    for (case, group, expected, causes) in [
        (
            "all read",
            group(0, 0, vec![living()]),
            State::KeepsUp,
            vec![],
        ),
        (
            "a little behind",
            group(5, 900, vec![living()]),
            State::KeepsUp,
            vec![],
        ),
        (
            "nobody, just now",
            group(5, 900, vec![]),
            State::NoProcess,
            vec!["no-process"],
        ),
        (
            "nobody, for long",
            group(5, 2 * MIN, vec![]),
            State::StandsStill,
            vec!["no-process"],
        ),
        (
            "dead, for long",
            group(5, 23 * MIN, vec![dead(23 * MIN)]),
            State::StandsStill,
            vec!["no-process"],
        ),
        (
            "died just now",
            group(5, 50_000, vec![dead(50_000)]),
            State::NoProcess,
            vec!["no-process"],
        ),
        (
            "held",
            held(group(5, 23 * MIN, vec![dead(23 * MIN)])),
            State::Held,
            vec!["held"],
        ),
        ("waits for its time", waiting(0), State::KeepsUp, vec![]),
        (
            "was due",
            waiting(9),
            State::StandsStill,
            vec!["no-process"],
        ),
    ] {
        assert_eq!(state(&once(group)), (expected, causes), "{case}");
    }
}

#[test]
fn idle_is_when_nothing_came_for_long() {
    let mut history = History::default();
    let mut quiet = stream(group(0, 0, vec![living()]), NOW);
    quiet.last = Some(EntryId::new(NOW - 360 * MIN, 0));
    history.add(look(vec![quiet], NOW));
    assert_eq!(state(&history).0, State::Idle);
    let assessment = assess(&history);
    let since = assessment.group("orders", "billing").unwrap().since_ms;
    assert_eq!(since, Some(NOW - 360 * MIN));
}

#[test]
fn what_was_watched_says_more_than_ages() {
    // A handler hangs in a living process: nothing moves for longer than two leases.
    let hung = |_| {
        let mut hung = living();
        hung.facts.lease_ms = Some(30_000);
        GroupFacts {
            pending: 3,
            oldest_pending: Some(EntryId::new(NOW - 10 * MIN, 0)),
            ..group(7, 5 * MIN, vec![hung])
        }
    };
    assert_eq!(state(&watched(58_000, hung)).0, State::KeepsUp);
    assert_eq!(state(&watched(62_000, hung)).0, State::StandsStill);
    // The same cursor, but acknowledgements come.
    let slow = |at| GroupFacts {
        pending: (NOW + MIN - at) / 1_000,
        ..hung(at)
    };
    assert_ne!(state(&watched(5 * MIN, slow)).0, State::StandsStill);
    // A long lease means that silence has to last longer.
    let patient = |at| {
        let mut group = hung(at);
        group.consumers[0].facts.lease_ms = Some(120_000);
        group
    };
    assert_ne!(state(&watched(200_000, patient)).0, State::StandsStill);
    assert_eq!(state(&watched(242_000, patient)).0, State::StandsStill);
}

#[test]
fn slopes_tell_behind_from_catching_up() {
    let moving = |unread: fn(u64) -> u64| {
        watched(5 * MIN, move |at| GroupFacts {
            cursor: EntryId::new(at, 0),
            ..group(unread(at), 2 * MIN, vec![living()])
        })
    };
    let more = moving(|at| 10_000 - (NOW - at) / 100);
    let less = moving(|at| 1_920 + (NOW - at) * 16 / 1_000);
    let same = moving(|_| 500);
    assert_eq!(
        state(&more),
        (State::FallsBehind, vec!["too-little-capacity"])
    );
    assert_eq!(state(&less).0, State::CatchesUp);
    assert_eq!(state(&same).0, State::KeepsUp);
    let assessment = assess(&less);
    let finding = &assessment.findings[0];
    assert_eq!(
        finding.sentence,
        "orders/billing catches up, done in about 2 min."
    );
    assert_eq!(
        (finding.severity, finding.kind),
        (Severity::Note, Kind::CatchesUp)
    );
    let assessment = assess(&more);
    assert!(
        assessment.findings[0]
            .sentence
            .starts_with("orders/billing falls behind since ")
    );
    assert!(
        assessment.findings[0]
            .detail
            .starts_with("10,000 unread, +600/min.")
    );
}

#[test]
fn causes_come_in_their_order() {
    let facts = MemberFacts {
        workers: Some(4),
        running: Some(4),
        completed: Some(1),
        failed: Some(9),
        p99_ms: Some(1_200.0),
        last_error: Some("payments-db: timed out".to_owned()),
        ..MemberFacts::default()
    };
    let behind = |consumers: Vec<ConsumerFacts>, suspects: Vec<Suspect>| {
        watched(5 * MIN, move |at| GroupFacts {
            cursor: EntryId::new(at, 0),
            suspects: suspects.clone(),
            ..group(10_000 - (NOW - at) / 100, 2 * MIN, consumers.clone())
        })
    };
    let busy = ConsumerFacts {
        facts: facts.clone(),
        ..living()
    };
    let suspect = Suspect {
        stream: "orders".to_owned(),
        id: EntryId::new(1_795_660_841_120, 0),
        consumer: "node-4-2211".to_owned(),
        deliveries: 3,
        idle_ms: 23 * MIN,
    };
    let all = behind(vec![busy.clone()], vec![suspect.clone()]);
    assert_eq!(state(&all).1, ["suspect", "handlers-fail", "handlers-slow"]);
    let mut down = all.clone();
    down.failed(NOW, "OOM command not allowed".to_owned());
    assert_eq!(state(&down).1[0], "redis-refuses");
    let assessment = assess(&down);
    assert_eq!(assessment.findings[0].kind, Kind::RedisRefuses);
    let slow = ConsumerFacts {
        facts: MemberFacts {
            failed: Some(0),
            ..facts
        },
        ..living()
    };
    assert_eq!(state(&behind(vec![slow], vec![])).1, ["handlers-slow"]);
    let gone = once(GroupFacts {
        suspects: vec![suspect],
        ..group(43_608, 1_389_000, vec![dead(1_389_000)])
    });
    assert_eq!(
        state(&gone),
        (State::StandsStill, vec!["no-process", "suspect"])
    );
}

#[test]
fn trouble_is_said_in_one_sentence() {
    let gone = once(GroupFacts {
        pending: 265,
        suspects: vec![Suspect {
            stream: "orders".to_owned(),
            id: EntryId::new(1_795_660_841_120, 0),
            consumer: "node-4-2211".to_owned(),
            deliveries: 3,
            idle_ms: 1_389_000,
        }],
        ..group(43_608, 1_380_000, vec![dead(1_380_000)])
    });
    let assessment = assess(&gone);
    let finding = &assessment.findings[0];
    assert_eq!(
        finding.sentence,
        "orders/billing stands still since 02:41:12 (23 min): no process is alive."
    );
    assert_eq!(
        finding.detail,
        "43,608 unread, +1,896/min. Nothing is lost. Suspect: 1795660841120-0, third delivery."
    );
    assert_eq!(
        finding.advice.as_deref(),
        Some("streamctl group info orders billing")
    );
    assert_eq!(finding.severity.mark(), "▲");
    let slope = finding
        .numbers
        .iter()
        .find(|n| n.name == "unread_per_second");
    assert!(!slope.unwrap().is_sure);
}

#[test]
fn names_do_a_terminal_no_harm() {
    let mut history = History::default();
    let mut odd = stream(group(5, 2 * MIN, vec![]), NOW);
    odd.name = "a\x1b[2J".to_owned();
    odd.groups[0].name = "it's".to_owned();
    history.add(look(vec![odd], NOW));
    let finding = &assess(&history).findings[0];
    assert!(finding.sentence.starts_with("a\\x1b[2J/it's stands still"));
    assert!(!finding.advice.as_ref().unwrap().contains("it's"));
}

fn misfits(count: u64, looked: u64) -> MisfitFacts {
    let example = (count > 0).then(|| "1-0: amount: missing (schema Order)".to_owned());
    MisfitFacts {
        looked,
        count,
        example,
    }
}

#[test]
fn misfits_are_counted_among_the_newest() {
    for (count, looked, sentence) in [
        (
            1,
            20,
            "1 of the newest 20 entries of orders doesn't fit its schema.",
        ),
        (
            7,
            7,
            "7 of the newest 7 entries of orders don't fit their schema.",
        ),
    ] {
        let mut odd = stream(group(0, 0, vec![living()]), NOW);
        odd.misfits = Some(misfits(count, looked));
        let mut history = History::default();
        history.add(look(vec![odd], NOW));
        let finding = &assess(&history).findings[0];
        assert_eq!(finding.sentence, sentence);
        assert_eq!(finding.detail, "1-0: amount: missing (schema Order).");
        assert_eq!(finding.severity, Severity::Warning);
    }
}

#[test]
fn other_troubles_have_findings_of_their_own() {
    let kinds = |change: fn(&mut StreamFacts, &mut ServerFacts)| {
        let mut stream = stream(group(0, 0, vec![living()]), NOW);
        let mut server = ServerFacts {
            address: "127.0.0.1:6379".to_owned(),
            at_ms: NOW,
            memory: Some(60),
            max_memory: Some(100),
            policy: Some("noeviction".to_owned()),
            ..ServerFacts::default()
        };
        change(&mut stream, &mut server);
        let mut history = History::default();
        history.add(Look {
            servers: vec![server],
            ..look(vec![stream], NOW)
        });
        let kinds: Vec<_> = assess(&history).findings.iter().map(|f| f.kind).collect();
        kinds
    };
    assert_eq!(kinds(|_, _| {}), []);
    assert_eq!(kinds(|s, _| s.groups.clear()), [Kind::NobodyReads]);
    assert_eq!(
        kinds(|s, _| {
            s.groups.clear();
            s.last = Some(EntryId::new(NOW - 2 * MIN, 0));
        }),
        []
    );
    assert_eq!(
        kinds(|s, _| (s.backup, s.backup_capacity) = (81, Some(100))),
        [Kind::BackupNearlyFull]
    );
    assert_eq!(
        kinds(|s, _| (s.backup, s.backup_capacity) = (80, Some(100))),
        []
    );
    assert_eq!(
        kinds(|s, _| (s.dead, s.dead_capacity) = (81_000, Some(100_000))),
        [Kind::DeadLettersNearCap]
    );
    assert_eq!(
        kinds(|s, _| {
            s.max_length = Some(1_000);
            s.groups[0].oldest_pending = s.first;
        }),
        [Kind::RetentionBlocked]
    );
    assert_eq!(kinds(|s, _| s.max_length = Some(1_000)), []);
    assert_eq!(kinds(|s, _| s.outside = 1), [Kind::OutsidePartitions]);
    assert_eq!(
        kinds(|s, _| s.misfits = Some(misfits(1, 20))),
        [Kind::SchemaMisfits]
    );
    assert_eq!(kinds(|s, _| s.misfits = Some(misfits(0, 20))), []);
    assert_eq!(
        kinds(|_, r| r.policy = Some("allkeys-lru".to_owned())),
        [Kind::EvictionPolicy]
    );
    assert_eq!(kinds(|_, r| r.memory = Some(96)), [Kind::MemoryNearlyFull]);
    let mixed = kinds(|s, _| {
        for version in ["1.4", "1.5"] {
            let mut member = living();
            member.facts.program = Some(Program {
                name: "billing".to_owned(),
                version: version.to_owned(),
            });
            s.groups[0].consumers.push(member);
        }
    });
    assert_eq!(mixed, [Kind::MixedVersions]);
}

#[test]
fn memory_that_grows_is_full_within_hours() {
    let mut history = History::default();
    for minute in 0..30_u64 {
        let at_ms = NOW - (30 - minute) * MIN;
        history.add(Look {
            servers: vec![ServerFacts {
                at_ms,
                memory: Some(500_000 + minute * 1_000),
                max_memory: Some(1_000_000),
                ..ServerFacts::default()
            }],
            ..look(Vec::new(), at_ms)
        });
    }
    let assessment = assess(&history);
    let finding = &assessment.findings[0];
    assert_eq!(finding.kind, Kind::MemoryNearlyFull);
    assert!(
        finding.sentence.contains("in about 8 h"),
        "{}",
        finding.sentence
    );
    assert_eq!(assessment.severity(), Severity::Warning);
}
