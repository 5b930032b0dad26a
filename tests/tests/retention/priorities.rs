//! The table of priorities, entry by entry, against plan and script on a real
//! server.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};
use redis::cmd;
use stream_lib::{BlockedStream, EntryId, Priority, StreamConfig, StreamManager};
use stream_tests::Server;

use crate::HOUR;
use crate::stream::{NO_ARGS, Stream};

/// A stream with holes, and groups that have come more or less far.
#[derive(Debug, Clone)]
struct Case {
    /// Hours ago and sequence number, the oldest first.
    entries: BTreeSet<(std::cmp::Reverse<u64>, u64)>,
    deleted: Vec<bool>,
    groups: Vec<GroupCase>,
    /// `stream-node-max-entries`: how coarse `XTRIM ~` is.
    node: u64,
    rules: Rules,
}

#[derive(Debug, Clone)]
struct GroupCase {
    read: usize,
    /// Of those read: pending, or handed to `~waiting`.
    pending: Vec<Option<bool>>,
    /// It has stood still for longer than groups count for.
    stands_long: bool,
}

#[derive(Debug, Clone)]
struct Rules {
    priority: Priority,
    max_length: u64,
    /// In hours, and half an hour more: no clock decides a test.
    max_age: u32,
    min_time: u32,
    min_count: u64,
    delete_after_ack: bool,
    trim_without_groups: bool,
}

impl Rules {
    fn config(&self, stream: &str) -> StreamConfig {
        StreamConfig::new(stream)
            .priority(self.priority)
            .max_length(self.max_length)
            .max_age(HOUR * self.max_age + HOUR / 2)
            .min_retention_time(HOUR * self.min_time + HOUR / 2)
            .min_retention_count(self.min_count)
            .delete_after_ack(self.delete_after_ack)
            .trim_without_groups(self.trim_without_groups)
            .ignore_groups_idle_for(HOUR)
    }
}

fn groups() -> impl Strategy<Value = Vec<GroupCase>> {
    let pending = prop_oneof![
        4 => Just(None),
        1 => Just(Some(false)),
        1 => Just(Some(true)),
    ];
    let group = (
        0_usize..320,
        proptest::collection::vec(pending, 320),
        0_usize..320,
        proptest::bool::weighted(0.2),
    );
    // Nothing is pending among the first few, so that there is something to do.
    let group = group.prop_map(|(read, mut pending, clean, stands_long)| {
        pending.iter_mut().take(clean).for_each(|p| *p = None);
        GroupCase {
            read,
            pending,
            stands_long,
        }
    });
    proptest::collection::vec(group, 0..4)
}

prop_compose! {
    fn rules()(
        priority in proptest::sample::select(Priority::all()),
        max_length in 1_u64..300,
        max_age in 0_u32..13,
        min_time in 0_u32..13,
        min_count in prop_oneof![Just(0_u64), 0_u64..100],
        delete_after_ack: bool,
        trim_without_groups: bool,
    ) -> Rules {
        Rules {
            priority,
            max_length,
            max_age,
            // More is an error.
            min_time: min_time.min(max_age),
            min_count,
            delete_after_ack: delete_after_ack && priority != Priority::Critical,
            trim_without_groups,
        }
    }
}

prop_compose! {
    fn cases()(
        entries in prop_oneof![0_usize..20, 0_usize..310].prop_flat_map(|count| {
            let seq = prop_oneof![2 => 0_u64..100, 1 => u64::MAX - 100..u64::MAX, 1 => Just(u64::MAX)];
            let hours = (0_u64..13).prop_map(std::cmp::Reverse);
            proptest::collection::vec((hours, seq), count)
        }),
        deleted in proptest::collection::vec(proptest::bool::weighted(0.1), 310),
        groups in groups(),
        node in proptest::sample::select(vec![0_u64, 1, 3, 100]),
        rules in rules(),
    ) -> Case {
        Case { entries: entries.into_iter().collect(), deleted, groups, node, rules }
    }
}

/// What the server has, as the model sees it.
struct Model<'a> {
    now: u64,
    entries: Vec<EntryId>,
    groups: Vec<GroupModel>,
    rules: &'a Rules,
}

struct GroupModel {
    name: String,
    /// What it has not read, or not acknowledged.
    unhandled: BTreeSet<EntryId>,
    left_out: bool,
}

impl Model<'_> {
    fn somebody_waits_for(&self, id: EntryId) -> bool {
        self.groups
            .iter()
            .any(|group| group.unhandled.contains(&id))
    }

    fn counting(&self) -> impl Iterator<Item = &GroupModel> {
        self.groups.iter().filter(|group| !group.left_out)
    }

    /// Whether none of these groups waits for this entry, nor for any before it.
    fn is_handled_by<'g>(
        &self,
        mut groups: impl Iterator<Item = &'g GroupModel>,
        id: EntryId,
    ) -> bool {
        if self.groups.is_empty() {
            return self.rules.trim_without_groups;
        }
        groups.all(|group| group.unhandled.first().is_none_or(|first| *first > id))
    }

    /// The groups that keep an entry which would go otherwise.
    fn blocking(&self) -> BTreeSet<String> {
        let blocks = |group: &&GroupModel| {
            let mut entries = (0..).zip(&self.entries);
            let first = entries.find(|(_, id)| Some(*id) >= group.unhandled.first());
            first.is_some_and(|(older, id)| self.goes_if(true, older, *id))
        };
        let counting = self.counting().filter(|group| !group.unhandled.is_empty());
        let names = counting.filter(blocks).map(|group| group.name.clone());
        match self.rules.priority {
            Priority::Low => BTreeSet::new(),
            _ => names.collect(),
        }
    }

    fn goes(&self, older: usize, id: EntryId) -> bool {
        self.goes_if(self.is_handled_by(self.counting(), id), older, id)
    }

    fn goes_if(&self, handled: bool, older: usize, id: EntryId) -> bool {
        let rules = self.rules;
        let newer = (self.entries.len() - older - 1) as u64;
        let age = Duration::from_millis(self.now - id.ms());
        let too_old = age > HOUR * rules.max_age + HOUR / 2;
        let too_young = age < HOUR * rules.min_time + HOUR / 2;
        let too_many = newer >= rules.max_length;
        let acked = self.is_handled_by(self.counting(), id) && self.counting().next().is_some();
        let done = rules.delete_after_ack && acked;
        newer >= rules.min_count
            && match rules.priority {
                Priority::Low => too_old || too_many || done,
                Priority::Normal => handled && (too_old || too_many || done),
                Priority::High => handled && !too_young && (too_old || too_many || done),
                Priority::Critical => handled && !too_young && too_old,
                other => panic!("{other}"),
            }
    }
}

fn build(case: &Case, stream: &mut Stream) {
    let mut config = cmd("CONFIG");
    config
        .arg("SET")
        .arg("stream-node-max-entries")
        .arg(case.node);
    stream.query::<()>(&config);
    let now = stream.now();
    for (hours, seq) in &case.entries {
        let ms = now - hours.0 * HOUR.as_secs() * 1_000;
        stream.add(EntryId::new(ms, *seq));
    }
    // Keeps the cleaner's thread off: only what is asked for by hand is looked at.
    let mut lock = cmd("SET");
    lock.arg(format!("{{{}}}:lock:retention", stream.name));
    stream.query::<()>(lock.arg("the test"));
    for (number, group) in case.groups.iter().enumerate() {
        let name = format!("g{number}");
        stream.group(&name);
        let read = stream.read(&name, group.read);
        let mut acked = Vec::new();
        for (id, pending) in read.into_iter().zip(&group.pending) {
            match pending {
                None => acked.push(id),
                Some(true) => {
                    stream.run::<()>("XCLAIM", (&name, "~waiting", 0, id, "JUSTID"));
                }
                Some(false) => {}
            }
        }
        stream.ack(&name, &acked);
        if group.stands_long {
            let floor = floor(stream, &name);
            let mut mark = cmd("HSET");
            mark.arg(format!("{{{}}}:meta", stream.name));
            mark.arg(format!("retention:floor:{name}"));
            let long_ago = now - 2 * HOUR.as_secs() * 1_000;
            stream.query::<()>(mark.arg(format!("{floor} {long_ago}")));
        }
    }
    for (id, deleted) in stream.ids().into_iter().zip(&case.deleted) {
        if *deleted {
            stream.run::<()>("XDEL", id.to_string());
        }
    }
}

fn model<'a>(case: &'a Case, stream: &mut Stream) -> Model<'a> {
    let entries = stream.ids();
    let mut models = Vec::new();
    if !case.entries.is_empty() || !case.groups.is_empty() {
        let groups: redis::streams::StreamInfoGroupsReply = stream.run("XINFO GROUPS", NO_ARGS);
        for group in groups.groups {
            let cursor: EntryId = group.last_delivered_id.parse().unwrap();
            let mut unhandled = stream.pending(&group.name);
            unhandled.extend(entries.iter().filter(|id| **id > cursor));
            let number: usize = group.name.trim_start_matches('g').parse().unwrap();
            let stands_long = case
                .groups
                .get(number)
                .is_some_and(|group| group.stands_long);
            let floor = floor(stream, &group.name);
            models.push(GroupModel {
                unhandled,
                left_out: stands_long && entries.last().is_some_and(|last| *last >= floor),
                name: group.name,
            });
        }
    }
    Model {
        now: stream.now(),
        entries,
        groups: models,
        rules: &case.rules,
    }
}

/// The oldest pending entry of a group, or the first id that it has not read.
fn floor(stream: &mut Stream, group: &str) -> EntryId {
    let groups: redis::streams::StreamInfoGroupsReply = stream.run("XINFO GROUPS", NO_ARGS);
    let mut groups = groups.groups.into_iter();
    let found = groups.find(|found| found.name == group).unwrap();
    let cursor: EntryId = found.last_delivered_id.parse().unwrap();
    let unread = match cursor.seq().checked_add(1) {
        Some(seq) => EntryId::new(cursor.ms(), seq),
        None => EntryId::new(cursor.ms() + 1, 0),
    };
    let oldest = stream.pending(group).first().copied();
    oldest.map_or(unread, |oldest| oldest.min(unread))
}

fn check(manager: &StreamManager, stream: &mut Stream, case: &Case) -> TestCaseResult {
    build(case, stream);
    let model = model(case, stream);
    let goes: Vec<_> = (0..)
        .zip(&model.entries)
        .map(|(older, id)| model.goes(older, *id))
        .collect();
    let removed = goes.iter().filter(|goes| **goes).count();
    prop_assert!(goes.is_sorted_by(|a, b| a >= b), "a beginning");
    let (gone, left) = model.entries.split_at(removed);
    let waited_for = gone
        .iter()
        .filter(|id| model.somebody_waits_for(**id))
        .count();
    let without_groups = case.groups.is_empty() && !case.rules.trim_without_groups;
    let lost = if without_groups { removed } else { waited_for };
    let left_out = model.groups.iter().filter(|group| group.left_out);
    let left_out: Vec<_> = left_out.map(|group| group.name.clone()).collect();
    if case.rules.priority != Priority::Low && left_out.is_empty() {
        prop_assert_eq!(lost, 0, "nothing unread or pending may go");
    }
    let by_all = |id: &&EntryId| model.is_handled_by(model.groups.iter(), **id);
    let above = gone.iter().filter(|id| !by_all(id)).count();

    let config = case.rules.config(&stream.name);
    manager
        .create_simple_producer(&stream.name, config)
        .unwrap();
    let plan = manager.retention_plan(&stream.name).unwrap();
    prop_assert_eq!(plan.removes, removed as u64, "{}", plan);
    prop_assert_eq!(plan.above_floor, above as u64, "{}", plan);
    prop_assert_eq!(plan.length, model.entries.len() as u64);
    prop_assert_eq!(
        stream.ids(),
        model.entries.clone(),
        "a plan removes nothing"
    );

    let report = manager.cleanup_now(&stream.name).unwrap();
    manager.remove_producer(&stream.name).unwrap();
    prop_assert_eq!(stream.ids(), left);
    prop_assert_eq!(report.removed, removed as u64);
    prop_assert_eq!(report.lost, lost as u64);
    prop_assert_eq!(report.length, left.len() as u64);
    for groups in [&plan.left_out, &report.left_out] {
        let names: Vec<_> = groups.iter().map(|group| group.group.clone()).collect();
        prop_assert_eq!(&names, &left_out);
    }
    let named = |blocked: &Option<BlockedStream>| -> Vec<_> {
        let groups = blocked.iter().flat_map(|blocked| &blocked.groups);
        groups
            .map(|group| (group.group.clone(), group.entry))
            .collect()
    };
    prop_assert_eq!(named(&plan.blocked), named(&report.blocked));
    let names: Vec<_> = named(&report.blocked)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    prop_assert_eq!(
        names.iter().cloned().collect::<BTreeSet<_>>(),
        model.blocking()
    );
    let by_plan = plan.blocked.map(|blocked| (blocked.group, blocked.entry));
    let by_report = report.blocked.map(|blocked| (blocked.group, blocked.entry));
    prop_assert_eq!(&by_plan, &by_report);
    if let Some((group, _)) = by_report {
        prop_assert_eq!(group.as_ref(), names.first(), "the one furthest behind");
    }
    let again = manager.cleanup_now(&stream.name).unwrap();
    prop_assert_eq!(again.removed, 0, "a second cleanup finds nothing");
    Ok(())
}

#[test]
fn plan_and_script_do_what_the_table_says() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let stream = RefCell::new(Stream::new(&server, "orders"));
    let number = Cell::new(0);
    let config = Config {
        cases: 250,
        max_shrink_iters: 300,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&cases(), |case| {
            let mut stream = stream.borrow_mut();
            number.set(number.get() + 1);
            stream.name = format!("orders-{}", number.get());
            check(&manager, &mut stream, &case)
        })
        .unwrap();
}
