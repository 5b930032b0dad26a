//! Writing fields straight into the command that adds the entry.

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use super::error::{EncodeError, EncodeErrorKind};
use super::json::document;
use super::reserved::RESERVED;

/// The fields a message may have: Lua's `unpack`, which moves entries between
/// streams, ends at 7,999 values.
pub(crate) const MAX_FIELDS: usize = 1_000;

/// The longest string that Redis takes by default.
const MAX_STRING: usize = 512 << 20;

/// Room for the header of a string whose length is not known yet: `$`, nine
/// digits, CR and LF.
const GAP: &[u8; 12] = b"$000000000\r\n";

/// Writes the fields of a message, one after the other, into the command that adds the
/// entry, without a map or a copy in between.
///
/// A refused field leaves nothing behind, so names and values stay in step.
///
/// # Errors
///
/// Each method refuses a name that begins with `~`, which is reserved, the 1,001st field
/// of a message, and names and values beyond 512 MiB. [`display`](Self::display) and
/// [`json`](Self::json) also fail if the value's own code does.
pub struct FieldWriter<'a> {
    out: &'a mut Vec<u8>,
    fields: usize,
    headers: usize,
    key: Option<Key>,
    /// The hash of the key that decides on the partition.
    place: Option<u32>,
}

/// An idempotency key.
struct Key {
    bytes: Box<[u8]>,
    /// Whether the derive took it from a field; a key given by hand is never changed.
    derived: bool,
}

impl<'a> FieldWriter<'a> {
    /// A writer that appends to `out`.
    pub(crate) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self {
            out,
            fields: 0,
            headers: 0,
            key: None,
            place: None,
        }
    }

    /// Writes text.
    #[inline]
    pub fn text(&mut self, name: &str, value: &str) -> Result<(), EncodeError> {
        self.pair(name.as_bytes(), value.as_bytes())
    }

    /// Writes bytes as they are.
    #[inline]
    pub fn bytes(&mut self, name: &str, value: &[u8]) -> Result<(), EncodeError> {
        self.pair(name.as_bytes(), value)
    }

    /// Writes bytes under a name that need not be UTF-8.
    #[inline]
    pub fn pair(&mut self, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
        self.admit(name, value.len())?;
        string(self.out, name);
        string(self.out, value);
        Ok(())
    }

    /// Writes a value as `Display` shows it.
    pub fn display(&mut self, name: &str, value: impl fmt::Display) -> Result<(), EncodeError> {
        self.unmeasured(name, |out| write!(out, "{value}").map(|()| true))
    }

    /// Writes a value as a JSON document. NaN and the infinities are an error wherever
    /// they occur in the value, since JSON has no form for them.
    pub fn json(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), EncodeError> {
        self.unmeasured(name, |out| document(out, value).map(|()| true))
    }

    /// [`FieldWriter::json`], but writes no field for `null`.
    pub(crate) fn json_unless_null(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), EncodeError> {
        self.unmeasured(name, |out| {
            document(&mut *out, value)?;
            Ok::<_, serde_json::Error>(!out.is(b"null"))
        })
    }

    /// Writes a reserved field. The name starts with `~`.
    pub(crate) fn header(&mut self, name: &str, value: &[u8]) -> Result<(), EncodeError> {
        if name.len().max(value.len()) > MAX_STRING {
            return Err(EncodeError::new(
                EncodeErrorKind::TooLarge,
                Some(name.as_bytes()),
            ));
        }
        self.headers += 1;
        string(self.out, name.as_bytes());
        string(self.out, value);
        Ok(())
    }

    /// Gives the message an idempotency key: within a window, a second add of the same
    /// key to the same stream adds nothing, and returns the id of the first entry. The
    /// derive does this with `#[stream(idempotency_key)]`. A derived message around this
    /// one doesn't change a key given here.
    pub fn idempotency_key(&mut self, key: &[u8]) {
        self.key = Some(Key {
            bytes: key.into(),
            derived: false,
        });
    }

    /// Gives the message a key: on a stream with
    /// [`partitions`](crate::StreamConfig::partitions), messages with the same key go to
    /// the same partition, and keep their order. On other streams it has no effect. The
    /// derive does this with `#[stream(key)]`.
    pub fn partition_key(&mut self, key: &[u8]) {
        self.place = Some(crc32fast::hash(key));
    }

    /// The hash of the [`partition_key`](Self::partition_key) of the message.
    pub(crate) fn place(&self) -> Option<u32> {
        self.place
    }

    /// The idempotency key of the message.
    pub(crate) fn take_key(&mut self) -> Option<Box<[u8]>> {
        self.key.take().map(|key| key.bytes)
    }

    /// Writes a field whose value becomes the idempotency key, with `variant` in front.
    /// Without a field there is no key.
    pub(crate) fn keyed(
        &mut self,
        variant: &str,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = self.out.len();
        write(self)?;
        if let Some(value) = self.value_from(start) {
            self.key = Some(Key {
                bytes: behind(variant, value),
                derived: true,
            });
        }
        Ok(())
    }

    /// Writes a field whose value becomes the [`partition_key`](Self::partition_key).
    /// Without a field there is no key.
    pub(crate) fn placed(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let start = self.out.len();
        write(self)?;
        if let Some(value) = self.value_from(start) {
            self.place = Some(crc32fast::hash(value));
        }
        Ok(())
    }

    /// The value of the field that begins at `start`, if one does.
    fn value_from(&self, start: usize) -> Option<&[u8]> {
        let (_, rest) = read_string(self.out.get(start..)?)?;
        Some(read_string(rest)?.0)
    }

    /// Puts `variant` in front of a derived key, so that equal keys of two variants
    /// differ.
    pub(crate) fn tell_key_apart(&mut self, variant: &str) {
        if let Some(key) = &mut self.key
            && key.derived
        {
            key.bytes = behind(variant, &key.bytes);
        }
    }

    /// Writes a nested message without changing the outer message's idempotency key.
    pub(crate) fn unkeyed(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let key = self.key.take();
        let written = write(self);
        self.key = key;
        written
    }

    /// Writes a nested message without changing the outer message's partition key.
    pub(crate) fn unplaced(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let place = self.place;
        let written = write(self);
        self.place = place;
        written
    }

    /// How many fields were written, reserved ones included.
    pub fn count(&self) -> usize {
        self.fields + self.headers
    }

    /// [`FieldWriter::count`], which for an entry must not be zero.
    pub(crate) fn finish(self) -> Result<usize, EncodeError> {
        match self.count() {
            0 => Err(EncodeError::new(EncodeErrorKind::Empty, None)),
            count => Ok(count),
        }
    }

    /// Counts one more field, if its name and length are allowed.
    #[inline]
    fn admit(&mut self, name: &[u8], length: usize) -> Result<(), EncodeError> {
        if self.fields >= MAX_FIELDS
            || name.first() == Some(&RESERVED)
            || name.len() > MAX_STRING
            || length > MAX_STRING
        {
            return Err(self.refusal(name));
        }
        self.fields += 1;
        Ok(())
    }

    #[cold]
    fn refusal(&self, name: &[u8]) -> EncodeError {
        let kind = if name.first() == Some(&RESERVED) {
            EncodeErrorKind::Reserved
        } else if self.fields >= MAX_FIELDS {
            EncodeErrorKind::TooManyFields
        } else {
            EncodeErrorKind::TooLarge
        };
        EncodeError::new(kind, Some(name))
    }

    /// Writes a value whose length is known only afterwards: the value goes behind a gap,
    /// its header into the gap, and the value moves up to the header. `write` returns
    /// whether to keep the field.
    fn unmeasured<E: fmt::Display>(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Tail<'_>) -> Result<bool, E>,
    ) -> Result<(), EncodeError> {
        self.admit(name.as_bytes(), 0)?;
        let start = self.out.len();
        string(self.out, name.as_bytes());
        let gap = self.out.len();
        self.out.extend_from_slice(GAP);
        let mut tail = Tail {
            start: self.out.len(),
            out: self.out,
        };
        let written = write(&mut tail);
        let value = tail.start..tail.out.len();
        let outcome = match written {
            Ok(true) if value.len() <= MAX_STRING => {
                self.close_gap(gap, value);
                return Ok(());
            }
            Ok(true) => Err(EncodeError::new(
                EncodeErrorKind::TooLarge,
                Some(name.as_bytes()),
            )),
            Ok(false) => Ok(()),
            Err(error) => Err(EncodeError::value(name, error)),
        };
        self.out.truncate(start);
        self.fields -= 1;
        outcome
    }

    fn close_gap(&mut self, gap: usize, value: std::ops::Range<usize>) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(value.len()).as_bytes();
        let moved = gap + digits.len() + 3;
        let end = moved + value.len();
        self.out.copy_within(value, moved);
        self.out.truncate(end);
        let header = std::iter::once(&b'$').chain(digits).chain(b"\r\n");
        for (slot, byte) in self.out.iter_mut().skip(gap).zip(header) {
            *slot = *byte;
        }
        self.out.extend_from_slice(b"\r\n");
    }
}

impl fmt::Debug for FieldWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldWriter")
            .field("count", &self.count())
            .finish_non_exhaustive()
    }
}

/// An empty key stays empty, since no message may have one.
fn behind(variant: &str, key: &[u8]) -> Box<[u8]> {
    if key.is_empty() {
        return Box::default();
    }
    [variant.as_bytes(), key].concat().into()
}

/// The end of the buffer, where a value of unknown length grows.
struct Tail<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl Tail<'_> {
    fn is(&self, value: &[u8]) -> bool {
        self.out.get(self.start..) == Some(value)
    }
}

impl Write for Tail<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Appends a RESP bulk string: `$length`, the bytes, each with CR LF.
#[inline]
fn string(out: &mut Vec<u8>, value: &[u8]) {
    match value.len() {
        length @ ..10 => {
            let [units, ..] = length.to_le_bytes();
            out.extend_from_slice(&[b'$', b'0' + units, b'\r', b'\n']);
        }
        length @ 10..100 => {
            let ([tens, ..], [units, ..]) =
                ((length / 10).to_le_bytes(), (length % 10).to_le_bytes());
            out.extend_from_slice(&[b'$', b'0' + tens, b'0' + units, b'\r', b'\n']);
        }
        length => {
            out.push(b'$');
            out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Splits off the RESP bulk string that a [`FieldWriter`] wrote.
pub(super) fn read_string(written: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = written.strip_prefix(b"$")?;
    let end = digits.iter().position(|byte| *byte == b'\r')?;
    let (digits, rest) = digits.split_at_checked(end)?;
    let length = str::from_utf8(digits).ok()?.parse().ok()?;
    let (string, rest) = rest.strip_prefix(b"\r\n")?.split_at_checked(length)?;
    Some((string, rest.strip_prefix(b"\r\n")?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn written(write: impl FnOnce(&mut FieldWriter<'_>) -> Result<(), EncodeError>) -> Vec<u8> {
        let mut out = b"before".to_vec();
        write(&mut FieldWriter::new(&mut out)).unwrap();
        out
    }

    #[test]
    fn strings_of_every_length_class_have_the_right_header() {
        for length in [0, 1, 9, 10, 99, 100, 12_345] {
            let value = vec![b'x'; length];
            let mut expected = format!("before$1\r\na\r\n${length}\r\n").into_bytes();
            expected.extend_from_slice(&value);
            expected.extend_from_slice(b"\r\n");
            assert_eq!(written(|out| out.bytes("a", &value)), expected, "{length}");
            let text = String::from_utf8(value).unwrap();
            assert_eq!(written(|out| out.display("a", &text)), expected, "{length}");
        }
    }

    #[test]
    fn refused_field_leaves_nothing_behind() {
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out);
        let keyless: BTreeMap<Vec<u8>, u8> = BTreeMap::from([(vec![1], 1)]);
        assert_eq!(
            writer.json("a", &keyless).unwrap_err().kind(),
            EncodeErrorKind::Value
        );
        assert_eq!(
            writer.text("~a", "").unwrap_err().kind(),
            EncodeErrorKind::Reserved
        );
        assert_eq!(
            writer.display("~a", 1).unwrap_err().kind(),
            EncodeErrorKind::Reserved
        );
        writer.json_unless_null("a", &None::<u8>).unwrap();
        assert_eq!(writer.count(), 0);
        assert_eq!(writer.finish().unwrap_err().kind(), EncodeErrorKind::Empty);
        assert!(out.is_empty());
    }

    #[test]
    fn thousand_fields_fit_and_headers_do_not_count_against_them() {
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out);
        for _ in 0..1_000 {
            writer.text("a", "b").unwrap();
        }
        assert_eq!(
            writer.text("a", "b").unwrap_err().kind(),
            EncodeErrorKind::TooManyFields
        );
        writer.header("~id", b"1-0").unwrap();
        assert_eq!(writer.count(), 1_001);
    }

    #[test]
    fn value_above_the_limit_is_refused() {
        let value = vec![0; MAX_STRING + 1];
        let mut out = Vec::new();
        let error = FieldWriter::new(&mut out).bytes("a", &value).unwrap_err();
        assert_eq!(error.kind(), EncodeErrorKind::TooLarge);
        assert!(out.is_empty());
    }
}
