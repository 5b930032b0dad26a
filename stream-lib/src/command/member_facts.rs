//! Facts of a member, in the hash beside its group.

use serde::{Deserialize, Serialize};

use super::shortened::shortened;

/// The longest entry, in bytes: it is written with each sign of life.
const LONGEST: usize = 399;

/// The longest names, in bytes.
const LONGEST_NAME: usize = 48;

/// The facts of a member. In a record of another version any part may be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FactsRecord {
    pub(crate) program: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) version: String,
    /// The library's version.
    pub(crate) library: String,
    pub(crate) workers: u64,
    pub(crate) running: u64,
    pub(crate) buffered: u64,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// Of the handlers, in microseconds; so are the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99: Option<u64>,
    /// Of the handlers that run now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) longest: Option<u64>,
    /// In milliseconds.
    pub(crate) lease: u64,
    /// How many dead letters it keeps, where that is not the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_max: Option<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) error: String,
}

impl FactsRecord {
    /// As JSON, shorter than 400 bytes: the text of the error is cut if necessary.
    pub(crate) fn to_json(&self) -> String {
        let mut record = self.clone();
        cut(&mut record.program, LONGEST_NAME);
        cut(&mut record.version, LONGEST_NAME);
        loop {
            let json = serde_json::to_string(&record).unwrap_or_default();
            let over = json.len().saturating_sub(LONGEST);
            if over == 0 {
                return json;
            }
            if record.error.is_empty() {
                // Names with many characters that JSON escapes.
                record.program.clear();
                record.version.clear();
                continue;
            }
            let end = record.error.len().saturating_sub(over.div_ceil(6));
            cut(&mut record.error, end);
        }
    }

    /// `None` for other values.
    pub(crate) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

fn cut(text: &mut String, most: usize) {
    text.truncate(shortened(text, most).len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(error: &str, program: &str) -> FactsRecord {
        FactsRecord {
            program: program.to_owned(),
            version: program.to_owned(),
            library: "0.1.0".to_owned(),
            workers: u64::from(u32::MAX),
            running: u64::from(u32::MAX),
            buffered: u64::from(u32::MAX),
            completed: u64::MAX,
            failed: u64::MAX,
            p50: Some(1 << 52),
            p99: Some(1 << 52),
            longest: Some(1 << 52),
            lease: 1 << 42,
            dead_max: Some(1_000_000_000_000),
            error: error.to_owned(),
        }
    }

    #[test]
    fn facts_are_short_and_read_back() {
        for error in [
            "",
            "no stock",
            &"x".repeat(5_000),
            &"\u{1}".repeat(900),
            &"ä\"".repeat(300),
        ] {
            for program in ["billing", &"y".repeat(900), &"\u{2}".repeat(48)] {
                let json = full(error, program).to_json();
                assert!(json.len() < 400, "{json}");
                let read = FactsRecord::parse(json.as_bytes()).unwrap();
                assert!(error.starts_with(&read.error));
                assert!(program.starts_with(&read.program));
                assert_eq!(read.completed, u64::MAX);
            }
        }
        let long = full(&"x".repeat(5_000), "billing").to_json();
        assert!(
            long.len() > 380,
            "as much of the error as there is room for: {long}"
        );
        let short = full("no stock", "billing");
        assert_eq!(FactsRecord::parse(short.to_json().as_bytes()), Some(short));
    }

    #[test]
    fn facts_of_another_version_are_read_as_far_as_they_go() {
        let read = FactsRecord::parse(br#"{"workers":3,"mood":"good"}"#).unwrap();
        assert_eq!((read.workers, read.lease), (3, 0));
        assert_eq!(FactsRecord::parse(b"\xff"), None);
        assert_eq!(FactsRecord::parse(b"7"), None);
    }
}
