//! The names that belong to the library: one list for Rust and Lua.
//!
//! Users' fields and consumers can't have them, since they begin with
//! [`RESERVED`](crate::message::RESERVED). A script writes them out; the test
//! below compares.

#![allow(dead_code, reason = "scripts alone use some of them")]

/// The consumer that holds the entries that are due later.
pub(crate) const WAITING: &str = "~waiting";

/// The consumer of entries that only a takeover hands out: entries given back that must
/// run alone, and those of [`WAITING`] whose due times are lost.
pub(crate) const TAKEOVER: &str = "~takeover";

/// A consumer that never exists: for commands that must change nothing.
pub(crate) const NOBODY: &str = "~none";

/// The field with a message's idempotency key.
pub(crate) const KEY: &str = "~key";

/// The prefix of idempotency keys of outputs in another slot than the acknowledgement.
pub(crate) const OUTPUT: &str = "~output";

/// The prefix of the field of a user's own header.
pub(crate) const HEADER: &str = "~h:";

/// The field with the id that a message had first, before a drain or a redrive
/// moved it.
pub(crate) const ORIGIN: &str = "~origin";

/// The field with the id that a message had while it was scheduled.
pub(crate) const SCHEDULED: &str = "~scheduled";

/// The field with the time that a recurring job's message is for, in milliseconds since
/// 1970.
pub(crate) const TICK: &str = "~tick";

/// The field with the name of that job.
pub(crate) const CRON: &str = "~cron";

/// The field with the group that a redriven entry is for.
pub(crate) const FOR_GROUP: &str = "~for";

/// The field that says how often an entry was put back from the dead letters.
pub(crate) const REDRIVEN: &str = "~redriven";

/// The id that a dead letter had in its stream.
pub(crate) const DEAD_ID: &str = "~id";

/// The group whose handler failed.
pub(crate) const DEAD_GROUP: &str = "~group";

/// The consumer that buried it.
pub(crate) const DEAD_CONSUMER: &str = "~consumer";

/// How often it was delivered.
pub(crate) const DEAD_DELIVERIES: &str = "~deliveries";

/// Why it was buried, in one word.
pub(crate) const DEAD_REASON: &str = "~reason";

/// The last error.
pub(crate) const DEAD_ERROR: &str = "~error";

/// When it was buried, in milliseconds since 1970 by the server's clock.
pub(crate) const DEAD_TIME: &str = "~time";

/// How many fields a dead letter lacks that was too large to be kept.
pub(crate) const DEAD_OMITTED: &str = "~omitted";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::message::RESERVED;

    /// The names above.
    fn listed() -> Vec<&'static str> {
        include_str!("reserved.rs")
            .lines()
            .filter(|line| line.starts_with("pub(crate) const "))
            .filter_map(|line| line.split('"').nth(1))
            .collect()
    }

    /// Texts between quotes that begin with `~` and are longer: a `~` alone is Redis's own
    /// sign for "about".
    fn reserved_in(lua: &str) -> impl Iterator<Item = &str> {
        lua.lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .flat_map(|line| line.split(['\'', '"']).skip(1).step_by(2))
            .filter(|text| text.len() > 1 && text.as_bytes().first() == Some(&RESERVED))
    }

    #[test]
    fn scripts_use_no_name_that_is_not_listed() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/command/scripts");
        let (listed, mut used) = (listed(), BTreeSet::new());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let lua = fs::read_to_string(&path).unwrap();
            for name in reserved_in(&lua) {
                assert!(listed.contains(&name), "{name} in {}", path.display());
                used.insert(name.to_owned());
            }
        }
        // Those that Lua writes and Rust reads, or the other way round.
        for name in [
            WAITING,
            TAKEOVER,
            ORIGIN,
            SCHEDULED,
            TICK,
            CRON,
            FOR_GROUP,
            REDRIVEN,
            DEAD_ID,
            DEAD_GROUP,
            DEAD_CONSUMER,
            DEAD_DELIVERIES,
            DEAD_REASON,
            DEAD_ERROR,
            DEAD_TIME,
            DEAD_OMITTED,
        ] {
            assert!(used.contains(name), "no script uses {name}");
        }
    }

    #[test]
    fn listed_names_are_reserved_and_differ() {
        let listed = listed();
        let names: BTreeSet<_> = listed.iter().collect();
        assert_eq!((names.len(), listed.len()), (20, 20));
        for name in listed {
            assert_eq!(name.as_bytes().first(), Some(&RESERVED), "{name}");
        }
    }
}
