//! A look at one stream.

use std::time::Instant;

use stream_lib::{Answer, Result};

use super::facts::StreamFacts;
use super::group::look_at_groups;
use super::memory::{Known, Memory};
use super::parts::{Keys, sum};
use super::told::Told;
use crate::server::{Answered, Redis, request};

/// Dead letters that stay unless a consumer says otherwise: 100,000.
const DEAD_CAPACITY: u64 = 100_000;

/// Looks at a stream of any library, and changes nothing. A partitioned stream is looked at
/// as a whole: numbers are sums.
///
/// # Blocking
///
/// For two or three round trips per partition, and more where there are many groups.
///
/// # Errors
///
/// Where Redis can't be reached. A fact that Redis refuses to tell is unknown; where
/// nothing is known, [`StreamFacts::trouble`] has its error.
pub fn look_at(redis: &Redis, stream: &str) -> Result<StreamFacts> {
    look_again(redis, stream, &mut Memory::default())
}

/// As [`look_at`], with the help of what earlier looks have told.
pub(super) fn look_again(redis: &Redis, stream: &str, memory: &mut Memory) -> Result<StreamFacts> {
    let stem = Keys::of(stream);
    let partitions = partitions(redis, &stem)?;
    let Some(count) = partitions else {
        return look_at_part(redis, &stem, &stem, memory);
    };
    let mut parts = Vec::with_capacity(count.into());
    for number in 0..count {
        parts.push(look_at_part(redis, &stem.partition(number), &stem, memory)?);
    }
    let schemas = request(["HLEN", &stem.own("schema")]);
    let answers = redis.ask(stream, &[request(["XLEN", stream]), schemas])?;
    let number = |at: usize| answers.get(at).and_then(Answered::count).unwrap_or(0);
    let mut whole = sum(stream, parts);
    whole.partitions = Some(count);
    (whole.outside, whole.schemas) = (number(0), number(1));
    Ok(whole)
}

fn partitions(redis: &Redis, stem: &Keys) -> Result<Option<u16>> {
    let count = redis.ask_one(
        stem.stream(),
        request(["HGET", &stem.own("meta"), "partitions"]),
    )?;
    let count = count.count().and_then(|count| u16::try_from(count).ok());
    Ok(count.filter(|count| (1..=256).contains(count)))
}

/// A stream alone, or one partition. Keys that exist once for all partitions are those of
/// `stem`.
fn look_at_part(
    redis: &Redis,
    keys: &Keys,
    stem: &Keys,
    memory: &mut Memory,
) -> Result<StreamFacts> {
    let stream = keys.stream();
    let known = memory.recall(stream);
    let question = Known::question(known.as_ref(), Instant::now());
    let dead = keys.own("dead");
    let meta = [
        "HMGET",
        &keys.own("meta"),
        "backup:name",
        "backup:max_length",
        "retention:priority",
        "retention:max_length",
    ];
    let answers = redis.ask(
        stream,
        &[
            question.request(stream, &dead, memory.by_source),
            request(meta),
            request(["XLEN", &dead]),
            request(["ZCARD", &keys.own("due")]),
            request([
                "EXISTS",
                &keys.own("meta"),
                &dead,
                &keys.own("due"),
                &keys.own("cron"),
            ]),
            request(["HLEN", &keys.own("schema")]),
        ],
    )?;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or(Answer::Nil);
    let (facts, meta, dead_letters, due, own) = (next(), next(), next(), next(), next());
    let schemas = next();
    let (facts, is_refused) = question.settle(redis, stream, &dead, facts)?;
    memory.by_source |= is_refused;
    let setting = |at: usize| meta.list().get(at).and_then(Answered::text);
    let number = |at: usize| setting(at).and_then(|text| text.parse().ok());
    let backup_key = setting(0).unwrap_or_else(|| keys.own("backup"));
    let backup = redis.ask_one(stream, request(["XLEN", &backup_key]))?;
    let mut found = StreamFacts {
        name: stream.to_owned(),
        is_ours: own.count().is_some_and(|keys| keys > 0),
        backup: backup.count().unwrap_or(0),
        backup_capacity: number(1),
        priority: setting(2),
        max_length: number(3),
        dead: dead_letters.count().unwrap_or(0),
        dead_capacity: Some(DEAD_CAPACITY),
        scheduled: due.count().unwrap_or(0),
        schemas: schemas.count().unwrap_or(0),
        ..StreamFacts::default()
    };
    if let Some(line) = facts.error() {
        // A stream that doesn't exist is no trouble.
        if !line.contains("no such key") {
            found.trouble = Some(line.to_owned());
        }
        return Ok(found);
    }
    if let Some(told) = Told::read(&facts) {
        memory.took += told.took;
        memory.keep(
            stream,
            Known::tell(known, &told, &mut found, Instant::now()),
        );
    }
    look_at_groups(redis, keys, stem, &mut found)?;
    let consumers = found.groups.iter().flat_map(|group| &group.consumers);
    let bounds = consumers.filter_map(|consumer| consumer.facts.dead_capacity);
    found.dead_capacity = bounds.min().or(found.dead_capacity);
    Ok(found)
}
