//! The script that writes outputs and acknowledges, against a model, with random events:
//! takeovers, repeats of calls whose answers were lost, no memory, keys of another type,
//! streams that take no more entries, other backup streams.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Connection, ConnectionLike, Value, cmd};
use stream_tests::Server;

const STEPS: usize = 4_000;
const GROUP: &str = "g";
const CAPACITY: usize = 40;

const COMMIT: &str = concat!(
    include_str!("../../../../stream-lib/src/command/scripts/part_room.lua"),
    include_str!("../../../../stream-lib/src/command/scripts/part_once.lua"),
    include_str!("../../../../stream-lib/src/command/scripts/commit.lua"),
);

/// Output streams: a plain one, one with a backup stream, one that is of another type
/// at times, and one whose ids are used up.
const OUTS: [&str; 4] = ["plain", "backed", "broken", "full"];

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[derive(Debug, Clone)]
struct Output {
    stream: usize,
    text: String,
    key: Option<usize>,
    too_large: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    NotOurs,
    Elsewhere,
    Error(String),
}

/// What Redis should hold.
#[derive(Default)]
struct Model {
    owners: BTreeMap<String, usize>,
    written: [Vec<String>; 4],
    backup: Vec<String>,
    keys: BTreeSet<(usize, usize)>,
    no_memory: bool,
    is_broken: bool,
    /// The backup stream that the stream knows of isn't the one that callers know.
    is_elsewhere: bool,
}

impl Model {
    /// What a call comes to for one delivery, which it also notes. `free` is the room
    /// of the stream with a backup stream, as of the beginning of the call.
    fn commit(&mut self, by: usize, id: &str, outputs: &[Output], free: &mut usize) -> Outcome {
        if self.owners.get(id) != Some(&by) {
            return Outcome::NotOurs;
        }
        for output in outputs {
            let refused = match output {
                _ if self.no_memory => Outcome::Error("OOM".to_owned()),
                Output { stream: 2, .. } if self.is_broken => {
                    Outcome::Error("WRONGTYPE".to_owned())
                }
                Output { stream: 1, .. } if self.is_elsewhere => Outcome::Elsewhere,
                output if output.too_large => Outcome::Error("TOOLARGE".to_owned()),
                _ => continue,
            };
            return refused;
        }
        // Its ids are used up, which shows only when it is written to.
        let is_new = |model: &Self, output: &Output| {
            output
                .key
                .is_none_or(|key| !model.keys.contains(&(output.stream, key)))
        };
        if let Some(at) = outputs
            .iter()
            .position(|o| o.stream == 3 && is_new(self, o))
        {
            // What was taken back leaves its places unused for the rest of the call.
            let mut seen = BTreeSet::new();
            for output in outputs.iter().take(at) {
                let first = output
                    .key
                    .is_none_or(|key| seen.insert((output.stream, key)));
                if output.stream == 1 && first && is_new(self, output) {
                    *free = free.saturating_sub(1);
                }
            }
            return Outcome::Error("ERR".to_owned());
        }
        for output in outputs {
            if let Some(key) = output.key
                && !self.keys.insert((output.stream, key))
            {
                continue;
            }
            let text = output.text.clone();
            if output.stream != 1 {
                self.written[output.stream].push(text);
            } else if *free > 0 {
                *free -= 1;
                self.written[1].push(text);
            } else {
                self.backup.push(text);
            }
        }
        self.owners.remove(id);
        Outcome::Done
    }

    /// How many entries the stream with a backup stream takes.
    fn free(&self) -> usize {
        if self.backup.is_empty() {
            CAPACITY.saturating_sub(self.written[1].len())
        } else {
            0
        }
    }
}

/// An id, in the order of ids.
fn parsed(id: &str) -> (u64, u64) {
    let (ms, seq) = id.split_once('-').unwrap();
    (ms.parse().unwrap(), seq.parse().unwrap())
}

/// The answer to a read.
type Read = Option<Vec<(String, Vec<(String, Vec<String>)>)>>;

struct Rig {
    server: Server,
    connection: Connection,
    dice: Dice,
    model: Model,
    made: usize,
}

impl Rig {
    fn new() -> Self {
        let server = Server::start().unwrap();
        let connection = server.connect().unwrap();
        let mut rig = Self {
            server,
            connection,
            dice: Dice(0x9E37_79B9_7F4A_7C15),
            model: Model::default(),
            made: 0,
        };
        rig.run("XGROUP CREATE from g $ MKSTREAM");
        rig.run("XADD full 18446744073709551615-18446744073709551615 a b");
        rig.run(&format!(
            "HSET {{backed}}:meta backup:name spare backup:capacity {CAPACITY}"
        ));
        rig
    }

    #[track_caller]
    fn run(&mut self, command: &str) -> Value {
        let mut words = command.split_whitespace();
        let mut command = cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.connection).unwrap()
    }

    /// Something that happens between two calls.
    fn change(&mut self) {
        match self.dice.below(12) {
            0..4 if !self.model.no_memory => {
                for _ in 0..self.dice.below(6) {
                    self.run("XADD from * a b");
                }
            }
            0..7 => {
                let by = self.dice.below(3);
                let read = format!("XREADGROUP GROUP {GROUP} c{by} COUNT 3 STREAMS from >");
                let value = self.run(&read);
                let read: Read = redis::from_redis_value(value).unwrap();
                for (id, _) in read.into_iter().flatten().flat_map(|(_, entries)| entries) {
                    self.model.owners.insert(id, by);
                }
            }
            // A process that was frozen, or died: others have its entries.
            7 => {
                let by = self.dice.below(3);
                if let Some(id) = self.any_id() {
                    self.run(&format!("XCLAIM from {GROUP} c{by} 0 {id}"));
                    self.model.owners.insert(id, by);
                }
            }
            8 => {
                self.model.no_memory = !self.model.no_memory;
                let most = u8::from(self.model.no_memory);
                self.run(&format!("CONFIG SET maxmemory {most}"));
            }
            9 if !self.model.no_memory => {
                self.model.is_broken = !self.model.is_broken;
                if self.model.is_broken {
                    self.run("SET broken 1");
                } else {
                    self.run("DEL broken");
                }
                self.model.written[2].clear();
            }
            10 if !self.model.no_memory => {
                self.model.is_elsewhere = !self.model.is_elsewhere;
                let name = if self.model.is_elsewhere {
                    "other"
                } else {
                    "spare"
                };
                self.run(&format!("HSET {{backed}}:meta backup:name {name}"));
            }
            _ => {
                // The drain, and a consumer of the stream.
                self.run("XTRIM spare MAXLEN 0");
                self.model.backup.clear();
                let keep = self.dice.below(CAPACITY);
                self.run(&format!("XTRIM backed MAXLEN {keep}"));
                let gone = self.model.written[1].len().saturating_sub(keep);
                self.model.written[1].drain(..gone);
            }
        }
    }

    fn any_id(&mut self) -> Option<String> {
        let count = self.model.owners.len();
        if count == 0 {
            return None;
        }
        let at = self.dice.below(count);
        self.model.owners.keys().nth(at).cloned()
    }

    fn output(&mut self) -> Output {
        self.made += 1;
        Output {
            // The one whose ids are used up is rare.
            stream: [0, 0, 0, 1, 1, 1, 1, 2, 2, 3][self.dice.below(10)],
            text: format!("t{}", self.made),
            key: (self.dice.below(4) == 0).then(|| self.dice.below(40)),
            too_large: self.dice.below(40) == 0,
        }
    }

    /// One call, twice where its answer is lost.
    fn commit(&mut self) {
        let by = self.dice.below(3);
        let mut deliveries: Vec<(String, Vec<Output>)> = Vec::new();
        for _ in 0..=self.dice.below(6) {
            let id = self.any_id().unwrap_or_else(|| "1-1".to_owned());
            let outputs = (0..self.dice.below(4)).map(|_| self.output()).collect();
            deliveries.push((id, outputs));
        }
        let times = 1 + usize::from(self.dice.below(5) == 0);
        for _ in 0..times {
            let mut free = self.model.free();
            let expected: Vec<_> = deliveries
                .iter()
                .map(|(id, outputs)| self.model.commit(by, id, outputs, &mut free))
                .collect();
            let outcomes = self.call(by, &deliveries);
            assert_eq!(outcomes, expected, "{deliveries:?}");
            self.check();
        }
    }

    fn call(&mut self, by: usize, deliveries: &[(String, Vec<Output>)]) -> Vec<Outcome> {
        let outputs = || deliveries.iter().flat_map(|(_, outputs)| outputs);
        let with_key = outputs().filter(|output| output.key.is_some());
        let mut call = cmd("EVAL");
        call.arg(COMMIT).arg(2 + 3 * OUTS.len() + with_key.count());
        call.arg("from").arg("waiting");
        for out in OUTS {
            let backup = if out == "backed" {
                "spare".to_owned()
            } else {
                format!("{out}-backup")
            };
            call.arg(out).arg(backup).arg(format!("{{{out}}}:meta"));
        }
        for output in outputs() {
            if let Some(key) = output.key {
                call.arg(format!("once:{}:{key}", output.stream));
            }
        }
        call.arg(GROUP).arg(format!("c{by}"));
        call.arg(deliveries.len())
            .arg(OUTS.len())
            .arg(10_000)
            .arg(600_000)
            .arg(outputs().count());
        let ids = || deliveries.iter().map(|(id, _)| parsed(id));
        let shown = |(ms, seq): (u64, u64)| format!("{ms}-{seq}");
        call.arg(shown(ids().min().unwrap()));
        call.arg(shown(ids().max().unwrap()));
        let runs = deliveries.chunk_by(|(_, a), (_, b)| {
            let outline = |output: &Output| (output.stream, output.key.is_some(), output.too_large);
            a.iter().map(outline).eq(b.iter().map(outline))
        });
        let head = |run: &[(String, Vec<Output>)]| 2 + 3 * run[0].1.len() + run.len();
        call.arg(11 + runs.clone().map(head).sum::<usize>());
        for run in runs {
            call.arg(run.len()).arg(run[0].1.len());
            for output in &run[0].1 {
                call.arg(output.stream + 1);
                call.arg(if output.too_large { 7_902 } else { 2 });
                call.arg(u8::from(output.key.is_some()));
            }
            for (id, _) in run {
                call.arg(id);
            }
        }
        for output in outputs() {
            call.arg("text").arg(&output.text);
            for _ in 0..if output.too_large { 7_900 } else { 0 } {
                call.arg("x");
            }
        }
        // As it comes: errors stand among the outcomes.
        let Value::Array(reply) = self.connection.req_command(&call).unwrap() else {
            panic!("no outcomes");
        };
        reply
            .into_iter()
            .map(|value| match value {
                Value::Int(1) => Outcome::Done,
                Value::Int(0) => Outcome::NotOurs,
                Value::Int(-1) => Outcome::Elsewhere,
                Value::ServerError(e) => Outcome::Error(e.code().to_owned()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// Redis holds what the model says.
    fn check(&mut self) {
        for (at, out) in OUTS.into_iter().enumerate().take(3) {
            if at < 2 || !self.model.is_broken {
                let texts = self.texts(out);
                assert_eq!(texts, self.model.written[at], "{out}");
            }
        }
        let texts = self.texts("spare");
        assert_eq!(texts, self.model.backup);
        let value = self.run("XLEN full");
        assert_eq!(value, Value::Int(1));
        let value = self.run(&format!("XPENDING from {GROUP} - + 100000"));
        let pending: Vec<(String, String, u64, u64)> = redis::from_redis_value(value).unwrap();
        let pending: BTreeMap<_, _> = pending.into_iter().map(|(id, by, ..)| (id, by)).collect();
        let owners = self.model.owners.iter();
        let expected: BTreeMap<_, _> = owners
            .map(|(id, by)| (id.clone(), format!("c{by}")))
            .collect();
        assert_eq!(pending, expected);
    }

    fn texts(&mut self, stream: &str) -> Vec<String> {
        let value = self.run(&format!("XRANGE {stream} - +"));
        let entries: Vec<(String, Vec<String>)> = redis::from_redis_value(value).unwrap();
        entries
            .into_iter()
            .map(|(_, fields)| fields[1].clone())
            .collect()
    }
}

#[test]
fn script_does_what_its_model_does() {
    let mut rig = Rig::new();
    for step in 0..STEPS {
        if rig.dice.below(2) == 0 {
            rig.change();
        } else {
            rig.commit();
        }
        // Bounds what is compared.
        if step % 200 == 0 {
            rig.run("XTRIM plain MAXLEN 0");
            rig.model.written[0].clear();
        }
    }
    assert!(rig.server.is_running());
}
