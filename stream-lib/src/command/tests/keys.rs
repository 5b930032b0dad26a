//! Every script keeps the two rules of keys.
//!
//! On a Redis Cluster, while a slot moves, a key that a script has emptied counts as
//! missing for the rest of it, which ends it half-way with its writes kept. So no script
//! touches a key after it may have emptied it. And a script touches no key that isn't
//! declared.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::lua::{Touch, touches};

/// The parts in front of a script.
const PARTS: [(&str, &[&str]); 16] = [
    ("bury", &["part_dead"]),
    ("commit", &["part_room", "part_once"]),
    ("route", &["part_plain", "part_room", "part_once"]),
    ("add_once", &["part_once"]),
    ("route_spooled", &["part_room", "part_once"]),
    ("drain", &["part_room"]),
    ("later", &["part_once"]),
    ("promote", &["part_room"]),
    ("cron_declare", &["part_cron"]),
    ("cron_change", &["part_cron"]),
    ("cron_ask", &["part_cron"]),
    ("cron_tick", &["part_cron", "part_room"]),
    ("dead_hands", &["part_hands", "part_dead"]),
    ("remove_consumer", &["part_hands"]),
    ("redrive", &["part_redrive"]),
    ("redrive_oldest", &["part_redrive"]),
];

/// Commands that remove a key with its last element. Streams stay when they are empty.
const EMPTYING: [&str; 8] = [
    "DEL",
    "UNLINK",
    "HDEL",
    "ZREM",
    "ZREMRANGEBYSCORE",
    "ZPOPMIN",
    "GETDEL",
    "RENAME",
];

/// Keys that look as if they were touched after they were emptied, how many times, and
/// why they aren't.
const EXCEPTIONS: [(&str, &str, usize, &str); 11] = [
    ("beat", "KEYS[1]", 1, "the member's own sign stays"),
    ("cancel", "KEYS[held[i]]", 1, "each is another key"),
    ("claim_due", "KEYS[2]", 1, READ_BEFORE),
    ("forget_group", "KEYS[2]", 1, READ_BEFORE),
    ("forget_group", "KEYS[4]", 1, READ_BEFORE),
    ("promote", "KEYS[1]", 2, NEVER_THERE),
    ("promote", "KEYS[2]", 2, NEVER_THERE),
    ("promote", "KEYS[3]", 2, NEVER_THERE),
    ("remove_group", "KEYS[2]", 1, READ_BEFORE),
    (
        "retain",
        "KEYS[2]",
        1,
        "the marks of groups that it has just written stay",
    ),
    (
        "retain",
        "KEYS[3]",
        1,
        "it is removed in one branch, and written in the other",
    ),
];
const READ_BEFORE: &str =
    "a loop removes things that it has read, so that only the last empties the key";
const NEVER_THERE: &str =
    "what is removed first has an empty name, and is never there: it shows the right to remove";

/// The commands of each script, by their keys.
const KEYS: &str = include_str!("keys.txt");

fn scripts() -> BTreeMap<String, Vec<Touch>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/command/scripts");
    let source = |name: &str| fs::read_to_string(folder.join(format!("{name}.lua"))).unwrap();
    let files = fs::read_dir(&folder).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_owned());
    names
        .map(|name| name.into_string().unwrap())
        .filter(|name| !name.starts_with("part_"))
        .map(|name| {
            let parts = PARTS.iter().find(|(script, _)| *script == name);
            let parts = parts.map_or(&[][..], |(_, parts)| *parts);
            let whole: Vec<String> = parts.iter().map(|part| source(part)).collect();
            let whole = whole.concat() + &source(&name);
            (name, touches(&whole))
        })
        .collect()
}

/// One line for each script: its keys, each with its commands.
fn table(scripts: &BTreeMap<String, Vec<Touch>>) -> String {
    let mut lines = String::new();
    for (name, touches) in scripts {
        let mut keys: Vec<(&str, Vec<&str>)> = Vec::new();
        for touch in touches {
            let known = keys.iter_mut().find(|(key, _)| *key == touch.key);
            match known {
                Some((_, commands)) if !commands.contains(&touch.command.as_str()) => {
                    commands.push(&touch.command);
                }
                Some(_) => {}
                None => keys.push((&touch.key, vec![&touch.command])),
            }
        }
        writeln!(lines, "{name}").unwrap();
        for (key, commands) in keys {
            writeln!(lines, "  {key}: {}", commands.join(" ")).unwrap();
        }
    }
    lines
}

/// The keys that are touched after they may have been emptied, in one script, and how
/// many times.
fn faults(touches: &[Touch]) -> BTreeMap<String, usize> {
    let mut faults = BTreeMap::new();
    let emptying = touches
        .iter()
        .filter(|touch| EMPTYING.contains(&touch.command.as_str()));
    for emptied in emptying {
        let is_fault = |other: &&Touch| {
            let same_loop = emptied.loops.iter().any(|one| other.loops.contains(one));
            let same_key = emptied.key == other.key || emptied.key == "KEYS";
            same_key && (other.at > emptied.at || same_loop)
        };
        let count = touches.iter().filter(is_fault).count();
        if count > 0 {
            *faults.entry(emptied.key.clone()).or_default() += count;
        }
    }
    faults
}

#[test]
fn every_key_is_declared() {
    for (script, touches) in scripts() {
        assert!(!touches.is_empty(), "{script}");
        for touch in touches {
            assert!(
                touch.key.starts_with("KEYS"),
                "{script}.lua runs {} on `{}`, which can't be followed to a declared key",
                touch.command,
                touch.key
            );
        }
    }
}

#[test]
fn no_key_is_touched_after_it_may_have_been_emptied() {
    let known = |script: &str, key: &str| {
        let known = EXCEPTIONS
            .iter()
            .find(|known| (known.0, known.1) == (script, key));
        known.map_or(0, |known| known.2)
    };
    let mut exceptions = 0;
    for (script, touches) in scripts() {
        for (key, count) in faults(&touches) {
            assert_eq!(
                count,
                known(&script, &key),
                "{script}.lua touches {key} after it may have emptied it: read first, and remove \
                 last"
            );
            exceptions += 1;
        }
    }
    assert_eq!(exceptions, EXCEPTIONS.len(), "some are none any more");
}

#[test]
fn the_use_of_keys_is_as_it_was_looked_over() {
    let table = table(&scripts());
    assert_eq!(
        table, KEYS,
        "look over what has changed, and write it down:\n{table}"
    );
}

#[test]
fn faults_are_found() {
    let of = |source: &str| faults(&touches(source)).len();
    let plain = "local key = KEYS[1]\nredis.call('HGET', key, 'a')\nredis.call('HDEL', key, 'a')\n";
    assert_eq!(of(plain), 0);
    assert_eq!(of(&format!("{plain}redis.call('HGET', KEYS[1], 'b')")), 1);
    assert_eq!(of(&format!("{plain}redis.call('HGET', KEYS[2], 'b')")), 0);
    let looped = "for i = 1, 2 do\n  redis.call('ZREM', KEYS[1], ARGV[i])\nend\n";
    assert_eq!(of(looped), 1);
    let called = "local function gone(key)\n  redis.call('DEL', key)\nend\n";
    assert_eq!(
        of(&format!(
            "{called}gone(KEYS[1])\nredis.call('GET', KEYS[2])"
        )),
        0
    );
    assert_eq!(
        of(&format!(
            "{called}gone(KEYS[1])\nredis.call('GET', KEYS[1])"
        )),
        1
    );
}
