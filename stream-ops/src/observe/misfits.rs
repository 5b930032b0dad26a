//! Whether the newest entries of a stream fit its schemas.
//!
//! Payload is read only where a schema is known, once a minute, and only a few kilobytes of
//! it; while nothing was added, not at all.

use std::collections::BTreeMap;

use stream_lib::{EntryId, FieldMask, Peek, Result, StreamSchema};

use super::facts::{MisfitFacts, StreamFacts};
use crate::server::Redis;
use crate::words::{cut, shown};

/// How many entries are compared.
const NEWEST: usize = 20;

/// About how much of them is read; an entry that isn't whole is left out.
const BYTES: usize = 16 << 10;

/// The time between two samples.
const EVERY_MS: u64 = 60_000;

/// How much of an example is kept.
const EXAMPLE: usize = 160;

/// The samples of all streams.
#[derive(Debug, Default)]
pub(super) struct Samples(BTreeMap<String, Sample>);

#[derive(Debug)]
struct Sample {
    at_ms: u64,
    /// The newest entry then, and how many schemas there were.
    of: (Option<EntryId>, u64),
    found: Option<MisfitFacts>,
}

impl Samples {
    /// What is known of a stream that was just looked at; `None` where no schema is, and
    /// where Redis doesn't say.
    pub(super) fn of(&mut self, redis: &Redis, facts: &StreamFacts) -> Option<MisfitFacts> {
        if facts.schemas == 0 {
            self.0.remove(&facts.name);
            return None;
        }
        let of = (facts.last, facts.schemas);
        if let Some(known) = self.0.get(&facts.name) {
            let is_young = facts.at_ms.abs_diff(known.at_ms) < EVERY_MS;
            if is_young || known.of == of {
                return known.found.clone();
            }
        }
        // Where Redis is away, the next look at a stream says so.
        let found = sample(redis, &facts.name).ok().flatten();
        let sample = Sample {
            at_ms: facts.at_ms,
            of,
            found: found.clone(),
        };
        self.0.insert(facts.name.clone(), sample);
        found
    }

    /// Forgets streams that are gone; `names` are in order.
    pub(super) fn keep(&mut self, names: &[&String]) {
        self.0.retain(|name, _| names.binary_search(&name).is_ok());
    }
}

fn sample(redis: &Redis, stream: &str) -> Result<Option<MisfitFacts>> {
    if redis.manager().schemas(stream)?.is_empty() {
        return Ok(None);
    }
    let peek = Peek::newest(NEWEST).max_bytes(BYTES).max_value_bytes(BYTES);
    let page = redis.manager().peek(stream, &peek)?;
    // Again, since the type of an entry is stored before the entry.
    let schemas = redis.manager().schemas(stream)?;
    let mask = FieldMask::of(&schemas);
    let mut found = MisfitFacts::default();
    for entry in page.entries.iter().filter(|entry| entry.is_whole()) {
        found.looked += 1;
        let Some((schema, misfits)) = StreamSchema::check_any(&schemas, &entry.message()) else {
            continue;
        };
        found.count += 1;
        found.example.get_or_insert_with(|| {
            let first = misfits.first().map_or_else(String::new, |misfit| {
                if mask.hides(misfit.field.as_bytes()) {
                    misfit.field.clone()
                } else {
                    misfit.to_string()
                }
            });
            let text = format!("{}: {first} (schema {})", entry.at, schema.name);
            cut(&shown(text.as_bytes()), EXAMPLE)
        });
    }
    Ok(Some(found))
}
