//! Arbitrary bytes as a server's replies, whole and in pieces.
//!
//! The first byte of the input chooses the limits and the length of the pieces; the rest
//! is a sequence of replies. The reader never panics, comes to the same verdict and the
//! same values in one go and in pieces, and reads the same value as the redis crate if
//! that reads a reply.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redis::Value;
use stream_lib::__private::{Came, ReplyReader, ReplyValue};

fuzz_target!(|input: &[u8]| {
    let Some((&plan, mut rest)) = input.split_first() else {
        return;
    };
    let reader = || match plan & 1 {
        0 => ReplyReader::default(),
        _ => ReplyReader::small(),
    };
    let piece = usize::from(plan >> 1) + 1;
    let (mut at_once, mut in_pieces) = (reader(), reader());
    loop {
        at_once.begin();
        in_pieces.begin();
        let came = at_once.read(rest);
        assert_eq!(read_in_pieces(&mut in_pieces, rest, piece), came);
        let values = at_once.values();
        assert_eq!(in_pieces.values(), values);
        let Came::Whole(length) = came else {
            return;
        };
        let (most_values, most_bytes) = at_once.most();
        assert!(length > 0 && length <= most_bytes && values.len() <= most_values);
        let (reply, behind) = rest.split_at(length);
        let mut left = values.iter();
        let value = value_of(reply, &mut left);
        assert!(left.next().is_none(), "values behind the last");
        if let (Some(value), Ok(theirs)) = (value, redis::parse_redis_value(reply)) {
            assert_eq!(value, theirs);
        }
        read_entries(&mut at_once, reply);
        rest = behind;
    }
});

fn read_in_pieces(reader: &mut ReplyReader, bytes: &[u8], piece: usize) -> Came {
    let mut end = 0;
    loop {
        match reader.read(&bytes[..end]) {
            Came::Missing(missing) if end < bytes.len() => {
                assert!(missing > 0);
                end = bytes.len().min(end + piece);
            }
            came => return came,
        }
    }
}

/// One value with all its parts, in the form of the redis crate; `None` if that has
/// another form for it.
fn value_of<'v>(reply: &[u8], values: &mut impl Iterator<Item = &'v ReplyValue>) -> Option<Value> {
    match *values.next().expect("an array's elements are there") {
        ReplyValue::Nil => Some(Value::Nil),
        ReplyValue::Int(number) => Some(Value::Int(number)),
        ReplyValue::Text(start, end) => {
            let text = &reply[start..end];
            // `+text`, which it tells from `$4` and the text.
            let simple = !reply[..start].ends_with(b"\n");
            (!simple).then(|| Value::BulkString(text.to_vec()))
        }
        ReplyValue::Error(start, end) => {
            assert!(start <= end && end <= reply.len());
            None
        }
        ReplyValue::Array(count) => {
            // All of them are walked, even if the first one has no such form.
            let elements: Vec<_> = (0..count).map(|_| value_of(reply, values)).collect();
            elements
                .into_iter()
                .collect::<Option<_>>()
                .map(Value::Array)
        }
    }
}

fn read_entries(reader: &mut ReplyReader, reply: &[u8]) {
    let Ok(entries) = reader.entries(reply.to_vec()) else {
        return;
    };
    for index in 0..=entries.count() {
        let fields = entries.fields(index);
        let all = fields.iter().chain(fields.headers());
        assert!(
            all.map(|(name, value)| name.len() + value.len())
                .sum::<usize>()
                < reply.len()
        );
        assert!(fields.get("order_id").is_none() || !fields.is_empty());
    }
}
