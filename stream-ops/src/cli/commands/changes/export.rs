//! `dlq export` and `dlq import`.

use std::io::{self, BufRead};

use serde_json::{Map, Value, json};
use stream_lib::{EntryAddress, EntryId, FieldMask, Peek, PeekedEntry};

use crate::cli::args::Bounds;
use crate::cli::commands::dlq::ensure_known;
use crate::cli::context::Context;
use crate::cli::exit::{Exit, Fault, Outcome};
use crate::cli::plan::{Done, Plan, Step, carry_out};
use crate::observe::{look_at, own_key, partition_names};
use crate::server::{Answered, request};
use crate::words::{of, shown};

/// How many bytes one look at dead letters brings.
const PAGE_BYTES: usize = 8 << 20;
const PAGE: usize = 500;

/// A dead letter as it stands in a file: its fields in hexadecimal digits, since they may
/// be any bytes.
struct Letter {
    /// The stream of the dead letters' partition.
    part: String,
    fields: Vec<Vec<u8>>,
}

pub(crate) fn export(context: &Context, stream: &str) -> Outcome {
    ensure_known(context, stream)?;
    let redis = context.redis()?;
    let mask = FieldMask::of(&redis.manager().schemas(stream)?);
    if mask.hides_any() && !context.globals.show_sensitive {
        return Err(Fault::usage(
            "the stream has sensitive fields, and an export without them could not be imported; \
             add --show-sensitive, and keep the file safe",
        ));
    }
    let facts = look_at(redis, stream)?;
    let parts: Vec<(Option<u16>, String)> = match facts.partitions {
        Some(number) => (0..number)
            .map(Some)
            .zip(partition_names(stream, number))
            .collect(),
        None => vec![(None, stream.to_owned())],
    };
    let mut exported = 0_u64;
    for (partition, part) in parts {
        let dead = own_key(&part, "dead");
        let mut after: Option<EntryAddress> = None;
        loop {
            let mut peek = Peek::oldest(PAGE)
                .max_bytes(PAGE_BYTES)
                .max_value_bytes(1 << 30);
            if let Some(after) = after {
                peek = peek.after(after);
            }
            let page = redis.manager().peek(&dead, &peek)?;
            for entry in &page.entries {
                context.output.raw(&format!(
                    "{}\n",
                    line(partition, &whole(context, &dead, entry)?)
                ))?;
                exported += 1;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
    }
    context.output.note(&format!(
        "streamctl: {} exported",
        of(exported, "dead letter", "dead letters")
    ));
    Ok(Exit::Done)
}

/// An entry of which a look has brought only a part.
fn whole(context: &Context, key: &str, entry: &PeekedEntry) -> Outcome<PeekedEntry> {
    if entry.is_whole() {
        return Ok(entry.clone());
    }
    let found = context.redis()?.manager().entry(key, entry.at)?;
    match found.filter(PeekedEntry::is_whole) {
        Some(whole) => Ok(whole),
        None => Err(Fault::new(
            Exit::Failed,
            format!("the dead letter {} is too large to be exported", entry.at),
        )),
    }
}

fn line(partition: Option<u16>, entry: &PeekedEntry) -> Value {
    let fields: Vec<Value> = entry
        .fields
        .iter()
        .map(|field| json!([hex(&field.name), hex(&field.value)]))
        .collect();
    json!({
        "v": crate::json::VERSION,
        "id": entry.at.id.to_string(),
        "partition": partition,
        "fields": fields,
    })
}

pub(crate) fn import(context: &Context, stream: &str, bounds: &Bounds) -> Outcome {
    let partitions = look_at(context.redis()?, stream)?.partitions;
    let mut letters = Vec::new();
    for (at, line) in io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let letter = read(stream, partitions, &line).ok_or_else(|| {
            Fault::usage(format!(
                "line {} is no dead letter that `dlq export` has written",
                at + 1
            ))
        })?;
        letters.push(letter);
        if bounds.limit.is_some_and(|limit| letters.len() >= limit) {
            break;
        }
    }
    let plan = Plan {
        action: "dlq import",
        stream: stream.to_owned(),
        group: String::new(),
        said: format!(
            "Would add {} to those of `{}`.",
            of(letters.len() as u64, "dead letter", "dead letters"),
            shown(stream.as_bytes())
        ),
        items: letters,
        done: Done::new("Added", "dead letter", "dead letters"),
        again: None,
        json: Map::new(),
        loses: None,
        which: String::new(),
    };
    carry_out(context, &plan, bounds, |chunk| {
        let mut step = Step::default();
        for letter in chunk {
            let key = own_key(&letter.part, "dead");
            let words = ["XADD", &key, "*"].map(|word| word.as_bytes().to_vec());
            let words = words.into_iter().chain(letter.fields.iter().cloned());
            let answer = context.redis()?.ask_one(&key, request(words))?;
            if let Some(line) = answer.error() {
                return Err(Fault::new(Exit::Failed, format!("Redis answered: {line}")));
            }
            step.done += 1;
        }
        Ok(step)
    })
}

fn read(stream: &str, partitions: Option<u16>, line: &str) -> Option<Letter> {
    let letter: Value = serde_json::from_str(line).ok()?;
    let fields = letter.get("fields")?.as_array()?;
    let mut words = Vec::with_capacity(fields.len() * 2);
    for field in fields {
        let [name, value] = field.as_array()?.as_slice() else {
            return None;
        };
        words.push(unhex(name.as_str()?)?);
        words.push(unhex(value.as_str()?)?);
    }
    // Without these it is some entry, and no dead letter.
    let has = |wanted: &[u8]| words.iter().step_by(2).any(|name| name == wanted);
    if !has(b"~id") || !has(b"~group") {
        return None;
    }
    let _: EntryId = letter.get("id")?.as_str()?.parse().ok()?;
    let part = match partitions {
        None => stream.to_owned(),
        Some(count) => {
            let number = letter.get("partition").and_then(Value::as_u64).unwrap_or(0);
            let number = u16::try_from(number)
                .ok()
                .filter(|number| *number < count)?;
            partition_names(stream, count)
                .get(usize::from(number))?
                .clone()
        }
    };
    Some(Letter {
        part,
        fields: words,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digits = text.as_bytes().chunks_exact(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_their_digits() {
        for bytes in [&b""[..], b"abc", b"\x00\xff"] {
            assert_eq!(unhex(&hex(bytes)).unwrap(), bytes);
        }
        assert_eq!(unhex("0"), None);
        assert_eq!(unhex("zz"), None);
        assert_eq!(unhex("é"), None);
    }

    #[test]
    fn only_dead_letters_are_read() {
        let line = |fields: &str| format!(r#"{{"v":1,"id":"1-0","fields":[{fields}]}}"#);
        let good = format!(r#"["{}",""],["{}",""]"#, hex(b"~id"), hex(b"~group"));
        let letter = read("orders", None, &line(&good)).unwrap();
        assert_eq!(letter.part, "orders");
        assert_eq!(letter.fields.len(), 4);
        assert!(read("orders", None, &line(r#"["61","62"]"#)).is_none());
        assert!(read("orders", None, "{}").is_none());
        assert!(read("orders", None, "no json").is_none());
        assert_eq!(
            read("orders", Some(4), &line(&good)).unwrap().part,
            "{orders:0}"
        );
    }
}
