//! `dlq import`.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;
use stream_lib::DeadLetterId;

use super::export::dead_key;
use super::there::{Origin, there};
use crate::act::fields::{Pair, pairs};
use crate::act::job::{InSteps, Step};
use crate::act::plan::Plan;
use crate::act::refused::{Planned, Refused};
use crate::act::said::named;
use crate::act::source::parts;
use crate::server::{Answered, Redis, Request, request};
use crate::words::{count, of, shown};

/// An exported dead letter.
struct Letter {
    at: DeadLetterId,
    fields: Vec<Pair>,
    /// Its entry and group, if its fields name them.
    origin: Option<Origin>,
}

/// Plans to add exported dead letters, one per line, to those of a stream, as
/// [`export`](super::export) writes them. A dead letter keeps its id if that is greater
/// than the newest id, and gets a new one otherwise. Dead letters whose entry and group
/// have one already are skipped, so that a file can be imported twice; if the entry isn't
/// named, the dead letter's own id is compared.
///
/// # Blocking
///
/// One request per 2,000 dead letters of the stream, or per few megabytes.
///
/// # Errors
///
/// [`Refused::Wrong`] for a line of another form, or of a partition that the stream
/// doesn't have. Else if Redis can't be reached, or refuses a request.
pub fn import(
    redis: &Redis,
    stream: &str,
    lines: impl IntoIterator<Item = String>,
    limit: Option<usize>,
) -> Planned {
    let read = read_all(redis, stream, lines)?;
    let (letters, there) = left_over(redis, stream, read, limit)?;
    let number = letters.len();
    let name = stream.to_owned();
    let job = InSteps::job(letters, move |redis: &Redis, letters: &[Letter]| {
        let mut step = Step::default();
        for letter in letters {
            let key = dead_key(&name, letter.at.partition);
            let answers = redis.tell(&key, &[add(&key, &letter.at.id.to_string(), letter)])?;
            let mut answer = answers.into_iter().next();
            // Redis takes no id below the newest one.
            if answer.as_ref().is_some_and(is_too_small) {
                answer = redis
                    .tell(&key, &[add(&key, "*", letter)])?
                    .into_iter()
                    .next();
            }
            match answer.as_ref().and_then(Answered::error) {
                Some(line) => {
                    step.refused = Some(line.to_owned());
                    break;
                }
                None => step.done += 1,
            }
        }
        Ok(step)
    });
    let unit = ("dead letter", "dead letters");
    let mut plan = Plan::new("dlq import", stream, unit, "Added", job)
        .counted(number)
        .say(match number {
            0 => format!("No dead letter is new to those of {}.", named(stream)),
            _ => format!(
                "Would add {} to those of {}.",
                of(number as u64, "dead letter", "dead letters"),
                named(stream)
            ),
        })
        .detail("already_there", there);
    if there > 0 {
        let are = of(there, "is", "are");
        plan = plan.say(format!(
            "{are} there already, of the same entry and group, and left out."
        ));
    }
    plan.is_limited = limit.is_some();
    Ok(plan)
}

/// The dead letters of all lines.
fn read_all(
    redis: &Redis,
    stream: &str,
    lines: impl IntoIterator<Item = String>,
) -> Planned<Vec<Letter>> {
    let known = parts(redis, stream)?;
    let mut letters = Vec::new();
    for (at, line) in (1..).zip(lines) {
        if line.trim().is_empty() {
            continue;
        }
        let letter = read(&line).map_err(|e| Refused::Wrong(format!("line {at}: {e}")))?;
        if !known
            .iter()
            .any(|part| part.partition == letter.at.partition)
        {
            let text = format!(
                "line {at}: {} is of another partition than {} has",
                letter.at,
                named(stream)
            );
            return Err(Refused::Wrong(text));
        }
        letters.push(letter);
    }
    Ok(letters)
}

/// At most `limit` of the letters that don't exist yet, and the number that do.
fn left_over(
    redis: &Redis,
    stream: &str,
    letters: Vec<Letter>,
    limit: Option<usize>,
) -> Planned<(Vec<Letter>, u64)> {
    let mut wanted: BTreeMap<Option<u16>, HashSet<&Origin>> = BTreeMap::new();
    for letter in &letters {
        let of_part = wanted.entry(letter.at.partition).or_default();
        of_part.extend(letter.origin.as_ref());
    }
    let mut known: HashSet<(Option<u16>, Origin)> = HashSet::new();
    for (partition, wanted) in &wanted {
        let found = there(redis, &dead_key(stream, *partition), wanted)?;
        known.extend(found.into_iter().map(|origin| (*partition, origin)));
    }
    let most = limit.unwrap_or(usize::MAX);
    let (mut left, mut count) = (Vec::new(), 0);
    for letter in letters {
        if left.len() >= most {
            break;
        }
        let is_new = if let Some(origin) = &letter.origin {
            // A file may contain a dead letter twice.
            known.insert((letter.at.partition, origin.clone()))
        } else {
            let key = dead_key(stream, letter.at.partition);
            let id = letter.at.id.to_string();
            let found = redis.ask_one(&key, request(["XRANGE", &key, &id, &id]))?;
            found.list().is_empty()
        };
        if is_new {
            left.push(letter);
        } else {
            count += 1;
        }
    }
    Ok((left, count))
}

fn read(line: &str) -> Result<Letter, String> {
    let value: Value = serde_json::from_str(line).map_err(|e| format!("no JSON: {e}"))?;
    let id = value
        .get("id")
        .and_then(Value::as_str)
        .ok_or("there is no \"id\"")?;
    let at: DeadLetterId = id
        .parse()
        .map_err(|_| format!("`{}` is no id", shown(id.as_bytes())))?;
    let fields = pairs(value.get("fields").ok_or("there are no \"fields\"")?)?;
    if fields.is_empty() || fields.len() > 100_000 {
        return Err(format!(
            "{} fields are not an entry",
            count(fields.len() as u64)
        ));
    }
    if !fields.iter().any(|(name, _)| name == b"~reason") {
        return Err("it has no field `~reason`, so it is no dead letter".to_owned());
    }
    let origin = Origin::of(&fields);
    Ok(Letter { at, fields, origin })
}

fn add(key: &str, id: &str, letter: &Letter) -> Request {
    let mut words = request(["XADD", key, id]);
    for (name, value) in &letter.fields {
        words.extend([name.clone(), value.clone()]);
    }
    words
}

fn is_too_small(answer: &stream_lib::Answer) -> bool {
    answer
        .error()
        .is_some_and(|line| line.contains("equal or smaller"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_dead_letters_are_refused_with_the_reason() {
        for (line, why) in [
            ("x", "no JSON"),
            (r#"{"fields":[["~reason","a"]]}"#, "\"id\""),
            (r#"{"id":"x","fields":[["~reason","a"]]}"#, "no id"),
            (r#"{"id":"1-0"}"#, "\"fields\""),
            (r#"{"id":"1-0","fields":[]}"#, "not an entry"),
            (r#"{"id":"1-0","fields":[["a","b"]]}"#, "~reason"),
        ] {
            let error = read(line).err().unwrap();
            assert!(error.contains(why), "{line}: {error}");
        }
        let wide = |count: usize| {
            let fields = vec![r#"["a","b"]"#; count - 1].join(",");
            format!(r#"{{"id":"1-0","fields":[["~reason","a"],{fields}]}}"#)
        };
        assert!(read(&wide(100_000)).is_ok());
        let error = read(&wide(100_001)).err().unwrap();
        assert!(error.contains("100,001 fields are not an entry"), "{error}");
        let letter = read(r#"{"id":"3:1-0","fields":[["~reason","a"],["b",{"hex":"ff"}]]}"#);
        let letter = letter.unwrap();
        assert_eq!(
            (letter.at.partition, letter.fields[1].1.as_slice()),
            (Some(3), &[0xff][..])
        );
    }
}
