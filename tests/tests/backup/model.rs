//! The routing decision against a model that counts everything by hand.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::streams::StreamInfoGroupsReply;
use redis::{Connection, Value, cmd};
use stream_lib::{Added, Producer, RawMessage, StreamConfig};

use crate::{BACKUP, Rig, STREAM, message};

const CAPACITY: u64 = 12;

/// What happens to the stream between two adds.
#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    MakeGroup { group: u8, at: Cursor },
    Read { group: u8, count: usize },
    Ack { group: u8, count: usize },
    MoveCursor { group: u8, at: Cursor },
    DropGroup(u8),
    EmptyBackup,
    Delete(usize),
    Trim(usize),
}

#[derive(Debug, Clone, Copy)]
enum Cursor {
    Start,
    End,
    /// At this entry.
    Entry(usize),
}

fn cursor() -> impl Strategy<Value = Cursor> {
    prop_oneof![
        Just(Cursor::Start),
        Just(Cursor::End),
        (0..20_usize).prop_map(Cursor::Entry),
    ]
}

fn step(with_holes: bool) -> impl Strategy<Value = Step> {
    let group = 0..3_u8;
    let steps = prop_oneof![
        6 => (1..9_usize).prop_map(Step::Add),
        1 => (group.clone(), cursor()).prop_map(|(group, at)| Step::MakeGroup { group, at }),
        3 => (group.clone(), 1..9_usize).prop_map(|(group, count)| Step::Read { group, count }),
        3 => (group.clone(), 1..9_usize).prop_map(|(group, count)| Step::Ack { group, count }),
        1 => (group.clone(), cursor()).prop_map(|(group, at)| Step::MoveCursor { group, at }),
        1 => group.prop_map(Step::DropGroup),
        2 => Just(Step::EmptyBackup),
    ];
    let holes = prop_oneof![
        (0..30_usize).prop_map(Step::Delete),
        (0..12_usize).prop_map(Step::Trim),
    ];
    if with_holes {
        prop_oneof![5 => steps, 1 => holes].boxed()
    } else {
        steps.boxed()
    }
}

struct Model {
    connection: Connection,
    producer: Producer<RawMessage>,
}

impl Model {
    fn take(&mut self, step: &Step, exact: bool) -> Result<(), TestCaseError> {
        match *step {
            Step::Add(count) => return self.add(count, exact),
            Step::MakeGroup { group, at } => {
                let at = self.id_at(at);
                self.run(&["XGROUP", "CREATE", STREAM, name(group), &at, "MKSTREAM"]);
            }
            Step::Read { group, count } => {
                let count = count.to_string();
                self.run(&[
                    "XREADGROUP",
                    "GROUP",
                    name(group),
                    "c",
                    "COUNT",
                    &count,
                    "STREAMS",
                    STREAM,
                    ">",
                ]);
            }
            Step::Ack { group, count } => {
                let count = count.to_string();
                let pending = self.run(&["XPENDING", STREAM, name(group), "-", "+", &count]);
                for id in firsts(&pending) {
                    self.run(&["XACK", STREAM, name(group), &id]);
                }
            }
            Step::MoveCursor { group, at } => {
                let at = self.id_at(at);
                self.run(&["XGROUP", "SETID", STREAM, name(group), &at]);
            }
            Step::DropGroup(group) => {
                self.run(&["XGROUP", "DESTROY", STREAM, name(group)]);
            }
            Step::EmptyBackup => {
                self.run(&["DEL", BACKUP]);
            }
            Step::Delete(at) => {
                if let Some(id) = self.ids().get(at) {
                    self.run(&["XDEL", STREAM, id]);
                }
            }
            Step::Trim(keep) => {
                self.run(&["XTRIM", STREAM, "MAXLEN", "=", &keep.to_string()]);
            }
        }
        Ok(())
    }

    fn add(&mut self, count: usize, exact: bool) -> Result<(), TestCaseError> {
        let kept = self.length(BACKUP);
        let room = if kept > 0 {
            0
        } else {
            CAPACITY.saturating_sub(self.backlog())
        };
        let expected = usize::try_from(room).unwrap().min(count);
        let messages: Vec<_> = (0..count).map(message).collect();
        let added = self.producer.add_all(&messages);
        let main = added
            .iter()
            .take_while(|added| matches!(added, Ok(Added::Main(_))))
            .count();
        let backup = added
            .iter()
            .filter(|added| matches!(added, Ok(Added::Backup(_))))
            .count();
        // No message of a batch overtakes another one.
        prop_assert_eq!(main + backup, count);
        if exact {
            prop_assert_eq!(main, expected);
        } else {
            // Redis may say too much of what is unread, and never too little.
            prop_assert!(main <= expected, "{} > {}", main, expected);
        }
        prop_assert_eq!(self.length(BACKUP), kept + backup as u64);
        Ok(())
    }

    /// Pending and unread of the group that has most, counted one by one.
    fn backlog(&mut self) -> u64 {
        let ids = self.ids();
        let groups = self.run(&["XINFO", "GROUPS", STREAM]);
        let groups = redis::from_redis_value::<StreamInfoGroupsReply>(groups)
            .map(|reply| reply.groups)
            .unwrap_or_default();
        let behind = |cursor: &str| ids.iter().filter(|id| parts(id) > parts(cursor)).count();
        let most = groups
            .iter()
            .map(|group| group.pending + behind(&group.last_delivered_id))
            .max();
        most.unwrap_or(ids.len()).min(ids.len()) as u64
    }

    fn id_at(&mut self, at: Cursor) -> String {
        match at {
            Cursor::Start => "0".to_owned(),
            Cursor::End => "$".to_owned(),
            Cursor::Entry(at) => self.ids().get(at).cloned().unwrap_or("0".to_owned()),
        }
    }

    fn ids(&mut self) -> Vec<String> {
        firsts(&self.run(&["XRANGE", STREAM, "-", "+"]))
    }

    fn length(&mut self, key: &str) -> u64 {
        redis::from_redis_value(self.run(&["XLEN", key])).unwrap()
    }

    /// What Redis answers; an error, say for a group that isn't there, is nil.
    fn run(&mut self, words: &[&str]) -> Value {
        let mut command = cmd(words[0]);
        command.arg(&words[1..]);
        command.query(&mut self.connection).unwrap_or(Value::Nil)
    }
}

fn name(group: u8) -> &'static str {
    ["a", "b", "c"][usize::from(group)]
}

/// The first element of each element.
fn firsts(list: &Value) -> Vec<String> {
    let Value::Array(list) = list else {
        return Vec::new();
    };
    let first = |entry: &Value| match entry {
        Value::Array(parts) => redis::from_redis_value(parts.first()?.clone()).ok(),
        _ => None,
    };
    list.iter().filter_map(first).collect()
}

fn parts(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').unwrap_or((id, "0"));
    (ms.parse().unwrap(), seq.parse().unwrap())
}

fn check(with_holes: bool) {
    let config = StreamConfig::new(STREAM).batch_size(1_000);
    let config = stream_lib::BackupStreamConfig::from(config).max_length(CAPACITY);
    let rig = Rig::still(config);
    let connection = rig.server.connect().unwrap();
    let model = Model {
        connection,
        producer: rig.producer(),
    };
    let model = std::cell::RefCell::new(model);
    let mut runner = TestRunner::new(Config {
        cases: 60,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(with_holes), 1..50);
    runner
        .run(&steps, |steps| {
            let mut model = model.borrow_mut();
            model.run(&["DEL", STREAM, BACKUP]);
            steps
                .iter()
                .try_for_each(|step| model.take(step, !with_holes))
        })
        .unwrap();
}

#[test]
fn messages_go_where_the_model_says() {
    check(false);
}

#[test]
fn in_a_stream_with_holes_doubt_goes_to_the_backup() {
    check(true);
}
