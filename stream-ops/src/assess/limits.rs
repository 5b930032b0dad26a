//! Tables of limits: each finding just below and just above its own, and the order of all.

use stream_lib::EntryId;

use super::tables::{MIN, NOW, dead, group, living, look, state, stream, watched};
use super::*;
use crate::observe::{
    ConsumerFacts, GroupFacts, HeldFacts, History, Look, MemberFacts, MisfitFacts, Program,
    ServerFacts, StreamFacts,
};

fn calm() -> StreamFacts {
    stream(group(0, 0, vec![living()]), NOW)
}

fn found(streams: Vec<StreamFacts>) -> Assessment {
    let mut history = History::default();
    history.add(look(streams, NOW));
    assess(&history)
}

/// Whether a calm stream with a change has a finding of a kind, and its severity.
fn severity_of(kind: Kind, change: impl FnOnce(&mut StreamFacts)) -> Option<Severity> {
    let mut stream = calm();
    change(&mut stream);
    let findings = found(vec![stream]).findings;
    let mut of_kind = findings.iter().filter(|finding| finding.kind == kind);
    of_kind.next().map(|finding| finding.severity)
}

const WARNS: Option<Severity> = Some(Severity::Warning);

#[test]
fn a_part_of_a_capacity_is_a_finding_from_four_fifths_on() {
    let backup = |some, all| {
        severity_of(Kind::BackupNearlyFull, |s| {
            (s.backup, s.backup_capacity) = (some, all);
        })
    };
    let dead = |some, all| {
        severity_of(Kind::DeadLettersNearCap, |s| {
            (s.dead, s.dead_capacity) = (some, all);
        })
    };
    for (some, all, expected) in [
        (80_000, Some(100_000), None),
        (80_001, Some(100_000), WARNS),
        (100_000, Some(100_000), WARNS),
        (4, Some(5), None),
        (5, Some(5), WARNS),
        // Without a bound nothing is near it.
        (1, Some(0), None),
        (1_000_000, None, None),
    ] {
        assert_eq!(backup(some, all), expected, "{some} of {all:?}");
        assert_eq!(dead(some, all), expected, "{some} of {all:?}");
    }
}

fn server(memory: Option<u64>, policy: &str) -> ServerFacts {
    ServerFacts {
        address: "127.0.0.1:6379".to_owned(),
        at_ms: NOW,
        memory,
        max_memory: Some(1_000_000),
        policy: Some(policy.to_owned()),
        ..ServerFacts::default()
    }
}

#[test]
fn memory_is_nearly_full_by_its_rest_or_by_its_growth() {
    let one = |memory, most| {
        let mut history = History::default();
        let server = ServerFacts {
            max_memory: most,
            ..server(memory, "noeviction")
        };
        history.add(Look {
            servers: vec![server],
            ..look(Vec::new(), NOW)
        });
        let findings = assess(&history).findings;
        findings.first().map(|found| (found.kind, found.severity))
    };
    let full = Some((Kind::MemoryNearlyFull, Severity::Trouble));
    let million = Some(1_000_000);
    assert_eq!(one(Some(950_000), million), None);
    assert_eq!(one(Some(950_001), million), full);
    assert_eq!(one(Some(2_000_000), million), full);
    assert_eq!(one(Some(950_001), None), None);
    assert_eq!(one(Some(950_001), Some(0)), None, "no bound");
    assert_eq!(one(None, million), None);

    // Half of it is left, which this growth uses up in the given time.
    let grows = |a_minute: i64| {
        let mut history = History::default();
        for at_ms in [NOW - MIN, NOW] {
            let is_last = at_ms == NOW;
            let memory = 500_000_u64.saturating_add_signed(if is_last { 0 } else { -a_minute });
            history.add(Look {
                servers: vec![ServerFacts {
                    at_ms,
                    ..server(Some(memory), "noeviction")
                }],
                ..look(Vec::new(), at_ms)
            });
        }
        let findings = assess(&history).findings;
        findings.first().map(|found| (found.kind, found.severity))
    };
    let soon = Some((Kind::MemoryNearlyFull, Severity::Warning));
    assert_eq!(grows(347), None, "24.02 h");
    assert_eq!(grows(348), soon, "23.95 h");
    assert_eq!(grows(0), None);
    assert_eq!(grows(-100_000), None);
}

#[test]
fn policies_that_evict_any_key_are_a_finding() {
    for (policy, expected) in [
        ("noeviction", None),
        ("volatile-lru", None),
        ("volatile-ttl", None),
        ("allkeys-lru", WARNS),
        ("allkeys-random", WARNS),
    ] {
        let mut history = History::default();
        history.add(Look {
            servers: vec![server(Some(1), policy)],
            ..look(Vec::new(), NOW)
        });
        let findings = assess(&history).findings;
        let severity = findings.first().map(|found| found.severity);
        assert_eq!(severity, expected, "{policy}");
    }
}

#[test]
fn a_stream_that_nobody_reads_is_a_finding_while_it_grows() {
    let unread = |newest: u64, length: u64, exists: bool| {
        severity_of(Kind::NobodyReads, |s| {
            s.groups.clear();
            s.last = Some(EntryId::new(NOW - newest, 0));
            (s.length, s.exists) = (length, exists);
        })
    };
    assert_eq!(unread(MIN, 9, true), WARNS);
    assert_eq!(unread(MIN + 1, 9, true), None);
    assert_eq!(unread(10, 0, true), None);
    assert_eq!(unread(10, 9, false), None);
    assert_eq!(severity_of(Kind::NobodyReads, |_| {}), None);
    // It grows, and is trimmed to nothing.
    let mut history = History::default();
    for at_ms in [NOW - 2_000, NOW] {
        let mut stream = stream(group(0, 0, vec![]), at_ms);
        stream.groups.clear();
        (stream.length, stream.added) = (0, Some(at_ms));
        history.add(look(vec![stream], at_ms));
    }
    assert_eq!(assess(&history).findings, []);
}

#[test]
fn retention_is_blocked_by_groups_that_need_the_first_entry() {
    let blocked = |most: u64, change: fn(&mut StreamFacts)| {
        severity_of(Kind::RetentionBlocked, |s| {
            s.max_length = Some(most);
            // A group that is held has no other finding.
            s.groups[0].held = Some(HeldFacts::default());
            s.groups[0].cursor = EntryId::new(NOW, 0);
            change(s);
        })
    };
    let holds: fn(&mut StreamFacts) = |s| s.groups[0].oldest_pending = s.first;
    let length = calm().length;
    assert_eq!(blocked(length, holds), None);
    assert_eq!(blocked(length - 1, holds), WARNS);
    assert_eq!(blocked(length - 1, |_| {}), None);
    let unread: fn(&mut StreamFacts) = |s| {
        s.groups[0].cursor = EntryId::new(NOW - 200 * MIN, 0);
        s.groups[0].unread = Some(1);
    };
    assert_eq!(blocked(10, unread), WARNS);
    assert_eq!(
        blocked(10, |s| {
            s.groups[0].cursor = EntryId::new(NOW - 200 * MIN, 0);
            s.groups[0].unread = Some(0);
        }),
        None
    );
    // The first entry is read and acknowledged, later ones are not.
    assert_eq!(
        blocked(10, |s| {
            s.groups[0].cursor = s.first.unwrap();
            s.groups[0].unread = Some(9);
            s.groups[0].oldest_pending = s.last;
        }),
        None
    );
    for priority in ["low", "LOW"] {
        let is_blocked = severity_of(Kind::RetentionBlocked, |s| {
            s.max_length = Some(10);
            s.priority = Some(priority.to_owned());
            holds(s);
        });
        assert_eq!(is_blocked, None, "{priority}");
    }
}

#[test]
fn only_living_members_of_one_program_have_mixed_versions() {
    let mixed = |members: &[(&str, &str, bool)]| {
        severity_of(Kind::MixedVersions, |s| {
            s.groups[0].consumers.clear();
            for (name, version, is_alive) in members {
                let mut member = if *is_alive { living() } else { dead(MIN) };
                member.facts.program = Some(Program {
                    name: (*name).to_owned(),
                    version: (*version).to_owned(),
                });
                s.groups[0].consumers.push(member);
            }
        })
    };
    let note = Some(Severity::Note);
    assert_eq!(mixed(&[("a", "1", true), ("a", "2", true)]), note);
    assert_eq!(mixed(&[("a", "1", true), ("a", "1", true)]), None);
    assert_eq!(mixed(&[("a", "1", true), ("a", "2", false)]), None);
    assert_eq!(mixed(&[("a", "1", true), ("b", "2", true)]), None);
    assert_eq!(mixed(&[]), None);
}

#[test]
fn misfits_strays_and_unreadable_streams_are_warnings() {
    let misfits = |count| {
        severity_of(Kind::SchemaMisfits, |s| {
            s.misfits = Some(MisfitFacts {
                looked: 20,
                count,
                example: None,
            });
        })
    };
    assert_eq!((misfits(0), misfits(1)), (None, WARNS));
    let outside = |count| severity_of(Kind::OutsidePartitions, |s| s.outside = count);
    assert_eq!((outside(0), outside(1)), (None, WARNS));
    let mut broken = calm();
    broken.trouble = Some("WRONGTYPE \u{1b}[2J".to_owned());
    let finding = found(vec![broken]).findings.remove(0);
    assert_eq!(
        (finding.kind, finding.severity),
        (Kind::NotReadable, Severity::Warning)
    );
    assert_eq!(
        finding.sentence,
        "orders can't be looked at: WRONGTYPE \\x1b[2J."
    );
    assert_eq!(found(vec![calm()]).findings, []);
}

#[test]
fn a_state_begins_where_its_limit_is_passed() {
    let moving = |behind: u64, unread: fn(u64) -> u64| {
        let history = watched(5 * MIN, move |at| GroupFacts {
            cursor: EntryId::new(at, 0),
            ..group(unread(at), behind, vec![living()])
        });
        state(&history).0
    };
    let more = |at| 10_000 - (NOW - at) / 100;
    let less = |at| 10_000 + (NOW - at) / 100;
    assert_eq!(moving(MIN, more), State::KeepsUp);
    assert_eq!(moving(MIN + 1, more), State::FallsBehind);
    assert_eq!(moving(10_000, less), State::KeepsUp);
    assert_eq!(moving(10_001, less), State::CatchesUp);

    let quiet = |newest: Option<u64>, group: GroupFacts| {
        let mut quiet = stream(group, NOW);
        quiet.last = newest.map(|age| EntryId::new(NOW - age, 0));
        let assessment = found(vec![quiet]);
        assessment.group("orders", "billing").unwrap().state
    };
    let done = || group(0, 0, vec![living()]);
    assert_eq!(quiet(Some(10 * MIN), done()), State::KeepsUp);
    assert_eq!(quiet(Some(10 * MIN + 1), done()), State::Idle);
    assert_eq!(quiet(None, done()), State::Idle);
    let busy = group(1, 900, vec![living()]);
    assert_eq!(quiet(None, busy.clone()), State::KeepsUp);
    assert_eq!(quiet(Some(20 * MIN), busy), State::KeepsUp);
    // Entries that wait for their time are nothing to do, however old they are.
    let waiting = GroupFacts {
        pending: 9,
        waiting: 9,
        oldest_pending: Some(EntryId::new(NOW - 5 * MIN, 0)),
        ..group(5, 900, vec![])
    };
    assert_eq!(quiet(Some(900), waiting), State::NoProcess);
}

#[test]
fn a_trend_is_that_of_the_last_five_minutes() {
    // A jump down between six and five minutes ago, and a slow rise since then.
    let history = watched(6 * MIN - 2_000, |at| {
        let unread = if NOW - at > 5 * MIN + 10_000 {
            90_000
        } else {
            10_000 - (NOW - at) / 1_000
        };
        GroupFacts {
            cursor: EntryId::new(at, 0),
            ..group(unread, 2 * MIN, vec![living()])
        }
    });
    assert_eq!(state(&history).0, State::FallsBehind);
    let is_sure = |watched_ms| {
        let history = watched(watched_ms, |at| GroupFacts {
            cursor: EntryId::new(at, 0),
            ..group(10_000 - (NOW - at) / 1_000, 2 * MIN, vec![living()])
        });
        let assessment = assess(&history);
        let group = assessment.group("orders", "billing").unwrap();
        (group.state, group.trend.is_sure)
    };
    assert_eq!(is_sure(278_000), (State::FallsBehind, false));
    assert_eq!(is_sure(280_000), (State::FallsBehind, true));
}

#[test]
fn causes_follow_the_members_that_live() {
    let member = |error: &str, completed, failed, running| ConsumerFacts {
        facts: MemberFacts {
            workers: Some(4),
            running: Some(running),
            completed: Some(completed),
            failed: Some(failed),
            p99_ms: Some(10.0 * f64::from(u32::try_from(failed).unwrap())),
            last_error: Some(error.to_owned()),
            ..MemberFacts::default()
        },
        ..living()
    };
    let gone = |one: ConsumerFacts| ConsumerFacts {
        alive: Some(false),
        ..one
    };
    let causes = |consumers: Vec<ConsumerFacts>, waiting: u64| {
        let history = watched(5 * MIN, |at| GroupFacts {
            cursor: EntryId::new(at, 0),
            pending: waiting,
            waiting,
            ..group(10_000 - (NOW - at) / 100, 2 * MIN, consumers.clone())
        });
        assert_eq!(state(&history).0, State::FallsBehind);
        let assessment = assess(&history);
        let group = assessment.group("orders", "billing").unwrap();
        group.causes.clone()
    };
    let fails = |error: &str| Cause::HandlersFail {
        error: error.to_owned(),
    };
    let too_little = [Cause::TooLittleCapacity];
    // An error of long ago, and failures of fewer than half of the deliveries.
    assert_eq!(causes(vec![member("a", 9, 0, 0)], 1), too_little);
    assert_eq!(causes(vec![member("a", 9, 8, 0)], 0), too_little);
    assert_eq!(causes(vec![member("a", 9, 9, 0)], 0), [fails("a")]);
    // Some wait for a retry.
    assert_eq!(causes(vec![member("a", 9, 1, 0)], 1), [fails("a")]);
    let many = ["b", "a", "a", "c"].map(|error| member(error, 0, 1, 0));
    assert_eq!(causes(many.to_vec(), 0), [fails("a")]);
    let mixed = vec![member("a", 9, 0, 0), gone(member("b", 0, 50, 0))];
    assert_eq!(causes(mixed, 0), too_little);
    // Three of four workers are busy, or those of a dead member.
    assert_eq!(causes(vec![member("a", 9, 0, 3)], 0), too_little);
    let mixed = vec![member("a", 9, 0, 3), gone(member("b", 9, 0, 9))];
    assert_eq!(causes(mixed, 0), too_little);
    let slow = causes(vec![member("a", 99, 3, 4), member("b", 99, 7, 4)], 0);
    let expected = Cause::HandlersSlow {
        running: 8,
        workers: 8,
        p99_ms: Some(70.0),
    };
    assert_eq!(slow, [expected]);
}

#[test]
fn a_group_comes_before_what_is_less_urgent_but_older() {
    let history = watched(5 * MIN, |at| GroupFacts {
        cursor: EntryId::new(at, 0),
        oldest_pending: Some(EntryId::MIN),
        pending: 1,
        ..group(10_000 - (NOW - at) / 100, 2 * MIN, vec![living()])
    });
    let mut latest = history.latest().clone();
    latest.streams[0].max_length = Some(10);
    let mut history = history;
    history.add(latest);
    let findings = assess(&history).findings;
    let kinds: Vec<Kind> = findings.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::FallsBehind, Kind::RetentionBlocked]);
    assert!(findings[1].since_ms < findings[0].since_ms);
    // A group without process before one that is further behind and keeps up.
    let mut late = stream(group(5, 50_000, vec![living()]), NOW);
    late.name = "a".to_owned();
    let alone = stream(group(5, 900, vec![]), NOW);
    let assessment = found(vec![late, alone]);
    let names: Vec<&str> = assessment.streams.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["orders", "a"]);
}

/// A stream of this name with two groups: one without process, one that keeps up.
fn troubled(name: &str, behind: u64) -> StreamFacts {
    let trouble = GroupFacts {
        name: "z-late".to_owned(),
        ..group(5, behind, vec![])
    };
    let calm = GroupFacts {
        name: "a-calm".to_owned(),
        ..group(0, 0, vec![living()])
    };
    StreamFacts {
        name: name.to_owned(),
        groups: vec![calm, trouble],
        ..stream(group(0, 0, vec![]), NOW)
    }
}

#[test]
fn the_worst_comes_first() {
    let mut warned = calm();
    warned.name = "c".to_owned();
    warned.outside = 1;
    for version in ["1", "2"] {
        let mut member = living();
        member.facts.program = Some(Program {
            name: "p".to_owned(),
            version: version.to_owned(),
        });
        warned.groups[0].consumers.push(member);
    }
    let streams = vec![troubled("a", 5 * MIN), troubled("b", 9 * MIN), warned];
    let mut history = History::default();
    history.add(Look {
        servers: vec![server(Some(990_000), "allkeys-lru")],
        ..look(streams, NOW)
    });
    let seen = |history: &History| -> Vec<(Kind, Option<String>)> {
        let findings = assess(history).findings;
        let seen = findings.into_iter().map(|found| (found.kind, found.stream));
        seen.collect()
    };
    let of = |name: &str| Some(name.to_owned());
    let expected = [
        // Of the same severity: groups before all else, and the longest first.
        (Kind::StandsStill, of("b")),
        (Kind::StandsStill, of("a")),
        (Kind::MemoryNearlyFull, None),
        (Kind::EvictionPolicy, None),
        (Kind::OutsidePartitions, of("c")),
        (Kind::MixedVersions, of("c")),
    ];
    assert_eq!(seen(&history), expected);
    let assessment = assess(&history);
    let names: Vec<&str> = assessment.streams.iter().map(|s| &*s.name).collect();
    assert_eq!(names, ["b", "a", "c"]);
    let groups = &assessment.streams[0].groups;
    assert_eq!((&*groups[0].name, &*groups[1].name), ("z-late", "a-calm"));
    assert_eq!(assessment.streams[0].state, State::StandsStill);
    assert_eq!(assessment.severity(), Severity::Trouble);
    // An outage comes first, however short it is: nothing else is known any more.
    history.failed(NOW, "timed out".to_owned());
    assert_eq!(seen(&history)[0], (Kind::RedisRefuses, None));
    assert_eq!(seen(&history)[1..], expected);
}
