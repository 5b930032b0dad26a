//! Additions to a message: an idempotency key, and headers.

use std::borrow::Cow;

use super::{pack, reserved};
use crate::error::{Error, ErrorKind, Result, Shown};
use crate::message::{MAX_FIELDS, RESERVED};
use crate::partition::hash_of;

/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 512;

/// The longest name of a header, and its longest value, in bytes.
const LONGEST_NAME: usize = 256;
const LONGEST_VALUE: usize = 64 << 10;

/// The key and the headers that a caller gives a message.
///
/// Headers are kept in wire form, so a message takes them in one copy. A refused header
/// makes the whole message fail when it is encoded, since a builder can't return the
/// error.
#[derive(Clone, Default)]
pub(crate) struct Extras<'m> {
    key: Option<Cow<'m, str>>,
    /// The hash of the key that decides on the partition.
    place: Option<u32>,
    headers: Vec<u8>,
    count: usize,
    refused: Option<String>,
}

impl<'m> Extras<'m> {
    pub(crate) const NONE: Extras<'static> = Extras::new();

    pub(crate) const fn new() -> Self {
        Self {
            key: None,
            place: None,
            headers: Vec::new(),
            count: 0,
            refused: None,
        }
    }

    /// With this idempotency key, in place of the message's own.
    pub(crate) fn of_key(key: impl Into<Cow<'m, str>>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::new()
        }
    }

    pub(crate) fn set_key(&mut self, key: impl Into<Cow<'m, str>>) {
        self.key = Some(key.into());
    }

    /// Sets the partition key, in place of the message's own.
    pub(crate) fn set_partition_key(&mut self, key: &[u8]) {
        self.place = Some(hash_of(key));
    }

    pub(crate) fn push_header(&mut self, name: &str, value: &[u8]) {
        if let Some(problem) = problem_of(name, value) {
            self.refused
                .get_or_insert_with(|| format!("its header `{}` {problem}", Shown(name)));
            return;
        }
        pack::bulk(
            &mut self.headers,
            &[reserved::HEADER.as_bytes(), name.as_bytes()].concat(),
        );
        pack::bulk(&mut self.headers, value);
        self.count += 1;
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        self.key.as_deref().map(str::as_bytes)
    }

    /// The hash of the partition key.
    pub(crate) fn place(&self) -> Option<u32> {
        self.place
    }

    /// Appends the headers to a message that has `fields` fields itself; returns the
    /// number of headers.
    pub(crate) fn write_headers(&self, out: &mut Vec<u8>, fields: usize) -> Result<usize> {
        if let Some(problem) = &self.refused {
            return Err(refusal(problem));
        }
        if self.count > 0 && fields + self.count > MAX_FIELDS {
            return Err(refusal("an entry has at most 1000 fields and headers"));
        }
        out.extend_from_slice(&self.headers);
        Ok(self.count)
    }

    pub(crate) fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// How many headers there are.
    pub(crate) fn headers(&self) -> usize {
        self.count
    }
}

/// Checks the idempotency key of a message.
pub(super) fn check_key(key: &[u8]) -> Result<()> {
    Err(refusal(match key.len() {
        0 => "its idempotency key is empty: every such message but the first would be lost",
        1..=LONGEST_KEY => return Ok(()),
        _ => "its idempotency key is longer than 512 bytes",
    }))
}

fn problem_of(name: &str, value: &[u8]) -> Option<&'static str> {
    if name.is_empty() {
        Some("has an empty name")
    } else if name.as_bytes().first() == Some(&RESERVED) {
        Some("begins with `~`: such names are reserved for the library")
    } else if name.len() > LONGEST_NAME {
        Some("has a name of more than 256 bytes")
    } else if value.len() > LONGEST_VALUE {
        Some("has a value of more than 64 KiB")
    } else {
        None
    }
}

fn refusal(problem: &str) -> Error {
    Error::new(
        ErrorKind::Encode,
        format!("the message can't be written: {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(extras: &Extras<'_>, fields: usize) -> Result<(Vec<u8>, usize)> {
        let mut out = Vec::new();
        let count = extras.write_headers(&mut out, fields)?;
        Ok((out, count))
    }

    #[test]
    fn headers_are_fields_behind_the_prefix() {
        let mut extras = Extras::new();
        extras.push_header("a", b"\x00\xff");
        extras.push_header("b", b"");
        let (out, count) = written(&extras, 1).unwrap();
        assert_eq!(
            out,
            b"$4\r\n~h:a\r\n$2\r\n\x00\xff\r\n$4\r\n~h:b\r\n$0\r\n\r\n"
        );
        assert_eq!(count, 2);
        assert_eq!(written(&Extras::NONE, 1_000).unwrap(), (Vec::new(), 0));
    }

    #[test]
    fn bounds_of_headers_are_named() {
        let long = "n".repeat(LONGEST_NAME + 1);
        let large = vec![0; LONGEST_VALUE + 1];
        for (name, value, words) in [
            ("", &b""[..], "empty name"),
            ("~id", b"", "reserved"),
            (long.as_str(), b"", "256 bytes"),
            ("n", large.as_slice(), "64 KiB"),
        ] {
            let mut extras = Extras::new();
            extras.push_header(name, value);
            extras.push_header("fine", b"");
            let error = written(&extras, 1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Encode);
            assert!(error.to_string().contains(words), "{error}");
            assert!(error.to_string().len() < 200, "{error}");
        }
        let mut extras = Extras::new();
        extras.push_header(&long[1..], &large[1..]);
        assert!(written(&extras, 999).is_ok());
        let error = written(&extras, 1_000).unwrap_err();
        assert!(error.to_string().contains("1000"), "{error}");
    }
}
