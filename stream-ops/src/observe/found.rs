//! Which streams there are.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stream_lib::Result;

use crate::server::{Answered, Master, Redis, request};

/// Keys that one step looks at: a step takes about a millisecond of the server's time.
const STEP: &str = "1000";

/// Ends of keys that belong to a stream, behind a hash tag.
const OWN_ENDS: [&str; 2] = [":backup", ":dead"];
const EVENTS: &str = ":events";

/// Finds streams, step by step (`SCAN … TYPE stream`), on every master.
#[derive(Debug, Default)]
pub struct Finder {
    found: BTreeSet<String>,
    /// Those of the round that goes on.
    next: BTreeSet<String>,
    masters: Vec<Master>,
    cursor: Option<String>,
}

impl Finder {
    /// The streams that the last whole round has found, and those found since.
    pub fn streams(&self) -> impl Iterator<Item = &String> {
        self.found.union(&self.next)
    }

    /// Goes on for a time. Returns whether a round has ended.
    ///
    /// # Blocking
    ///
    /// For the time and a step.
    ///
    /// # Errors
    ///
    /// Where Redis can't be reached. The next call goes on where this one stopped.
    pub fn go_on(&mut self, redis: &Redis, time: Duration) -> Result<bool> {
        let until = Instant::now() + time;
        if self.masters.is_empty() {
            self.masters = redis.masters()?;
        }
        while let Some(master) = self.masters.last() {
            let cursor = self.cursor.as_deref().unwrap_or("0");
            let scan = request(["SCAN", cursor, "COUNT", STEP, "TYPE", "stream"]);
            let answer = redis.ask_one(&master.key, scan)?;
            let [cursor, keys] = answer.list() else {
                // It may not be asked. Streams can still be named.
                self.cursor = None;
                self.masters.pop();
                continue;
            };
            let keys = keys.list().iter().filter_map(Answered::text);
            self.next
                .extend(keys.filter(|key| !is_own_key(key)).map(whole));
            match cursor.text().filter(|cursor| cursor != "0") {
                Some(cursor) => self.cursor = Some(cursor),
                None => {
                    self.cursor = None;
                    self.masters.pop();
                }
            }
            if Instant::now() >= until && !self.masters.is_empty() {
                return Ok(false);
            }
        }
        self.found = std::mem::take(&mut self.next);
        Ok(true)
    }
}

/// Whether a stream belongs to another one of this library, or to these tools.
pub fn is_own_key(key: &str) -> bool {
    if key == "stream-ops:audit" {
        return true;
    }
    let Some((_, behind)) = key.split_once('}') else {
        return false;
    };
    OWN_ENDS.iter().any(|end| behind.ends_with(end)) || behind.ends_with(EVENTS)
}

/// The stream of which a key is a partition; else the key.
fn whole(key: String) -> String {
    let Some((tag, behind)) = key.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return key;
    };
    let Some((name, number)) = tag.rsplit_once(':') else {
        return key;
    };
    let is_number = number.parse().is_ok_and(|n: u8| n.to_string() == number);
    match (is_number && !name.is_empty(), behind) {
        (true, "") => name.to_owned(),
        // `{user:42}:orders` may be somebody's own name: it is shown as it is.
        _ => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_belong_to_a_stream_are_no_streams() {
        for key in [
            "{orders}:dead",
            "{shop}:orders:backup",
            "{orders}:events",
            "stream-ops:audit",
        ] {
            assert!(is_own_key(key), "{key}");
        }
        for key in ["orders", "{shop}:orders", "orders:dead", "{dead}"] {
            assert!(!is_own_key(key), "{key}");
        }
        assert_eq!(whole("{orders:3}".to_owned()), "orders");
        assert_eq!(whole("{user:42}:orders".to_owned()), "{user:42}:orders");
        assert_eq!(whole("{orders:256}".to_owned()), "{orders:256}");
    }
}
