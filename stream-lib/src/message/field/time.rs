//! Durations and points in time: milliseconds, exact to the nanosecond.

use std::time::{Duration, SystemTime};

use super::number::expected;
use super::value::{FromField, ToField};
use crate::message::error::{EncodeError, FieldError};
use crate::message::schema::FieldType;
use crate::message::writer::FieldWriter;

const NANOS_PER_MILLI: u32 = 1_000_000;

/// Milliseconds: `1500`, with a fraction if there is one: `0.25`.
impl ToField for Duration {
    const TYPE: FieldType = FieldType::Duration;

    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        write_millis(name, "", *self, out)
    }
}

impl FromField for Duration {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        read_millis(value).ok_or_else(expected::<Self>)
    }
}

/// Milliseconds since 1970: `1700000000000`, with a fraction if there is one, and
/// negative before.
impl ToField for SystemTime {
    const TYPE: FieldType = FieldType::Time;

    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        match self.duration_since(Self::UNIX_EPOCH) {
            Ok(since) => write_millis(name, "", since, out),
            Err(error) => write_millis(name, "-", error.duration(), out),
        }
    }
}

impl FromField for SystemTime {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        let time = match value.strip_prefix(b"-") {
            Some(before) => read_millis(before).and_then(|d| Self::UNIX_EPOCH.checked_sub(d)),
            None => read_millis(value).and_then(|d| Self::UNIX_EPOCH.checked_add(d)),
        };
        time.ok_or_else(expected::<Self>)
    }
}

fn write_millis(
    name: &str,
    sign: &str,
    duration: Duration,
    out: &mut FieldWriter<'_>,
) -> Result<(), EncodeError> {
    let millis = duration.as_millis();
    let nanos = duration.subsec_nanos() % NANOS_PER_MILLI;
    if nanos == 0 && sign.is_empty() {
        return out.text(name, itoa::Buffer::new().format(millis));
    }
    if nanos == 0 {
        return out.display(name, format_args!("{sign}{millis}"));
    }
    let (mut fraction, mut width) = (nanos, 6);
    while fraction.is_multiple_of(10) {
        (fraction, width) = (fraction / 10, width - 1);
    }
    out.display(name, format_args!("{sign}{millis}.{fraction:0width$}"))
}

/// Digits, and up to six more behind a point.
fn read_millis(value: &[u8]) -> Option<Duration> {
    let mut parts = value.splitn(2, |byte| *byte == b'.');
    let millis = digits(parts.next()?)?;
    let nanos = match parts.next() {
        Some(fraction) if fraction.len() <= 6 => {
            let missing = 6_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
            digits(fraction)?.checked_mul(10_u128.pow(missing))?
        }
        Some(_) => return None,
        None => 0,
    };
    let seconds = u64::try_from(millis / 1_000).ok()?;
    let subsec = (millis % 1_000) * u128::from(NANOS_PER_MILLI) + nanos;
    Some(Duration::new(seconds, u32::try_from(subsec).ok()?))
}

fn digits(text: &[u8]) -> Option<u128> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::{FieldSchema, RawMessage, Schema, StreamMessage};

    struct At<T>(T);

    impl<T: ToField> StreamMessage for At<T> {
        const SCHEMA: &'static Schema =
            &Schema::new("At").with_fields(&[FieldSchema::new("at", T::TYPE)]);

        fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
            out.field("at", &self.0)
        }
    }

    fn text(value: impl ToField) -> String {
        let raw = RawMessage::from_message(&At(value)).unwrap();
        raw.get_str("at").unwrap().to_owned()
    }

    #[test]
    fn durations_are_milliseconds() {
        assert_eq!(text(Duration::from_millis(1_500)), "1500");
        assert_eq!(text(Duration::from_micros(250)), "0.25");
        assert_eq!(text(Duration::from_nanos(1)), "0.000001");
        assert_eq!(text(Duration::MAX), "18446744073709551615999.999999");
        assert_eq!(Duration::from_field(b"0.5"), Ok(Duration::from_micros(500)));
        for value in [
            "",
            ".5",
            "1.",
            "-1",
            "+1",
            "1e3",
            "1.0000001",
            "1.2.3",
            "18446744073709551616000",
        ] {
            assert!(Duration::from_field(value.as_bytes()).is_err(), "{value}");
        }
    }

    #[test]
    fn times_before_1970_are_negative() {
        let time = SystemTime::UNIX_EPOCH - Duration::from_micros(1_500);
        assert_eq!(text(time), "-1.5");
        assert_eq!(
            text(SystemTime::UNIX_EPOCH - Duration::from_secs(1)),
            "-1000"
        );
        assert_eq!(SystemTime::from_field(b"-1.5"), Ok(time));
        assert_eq!(SystemTime::from_field(b"0"), Ok(SystemTime::UNIX_EPOCH));
        assert!(SystemTime::from_field(b"--1").is_err());
        assert!(SystemTime::from_field(b"18446744073709551615999").is_err());
    }

    proptest! {
        #[test]
        fn durations_read_back(seconds: u64, nanos in 0..1_000_000_000_u32) {
            let duration = Duration::new(seconds, nanos);
            prop_assert_eq!(Duration::from_field(text(duration).as_bytes()), Ok(duration));
        }

        #[test]
        fn times_read_back(seconds in 0..1_u64 << 40, nanos in 0..1_000_000_000_u32, before: bool) {
            let offset = Duration::new(seconds, nanos);
            let time = if before {
                SystemTime::UNIX_EPOCH - offset
            } else {
                SystemTime::UNIX_EPOCH + offset
            };
            prop_assert_eq!(SystemTime::from_field(text(time).as_bytes()), Ok(time));
        }

        #[test]
        fn any_bytes_are_read_or_refused(value: Vec<u8>) {
            let _ = (Duration::from_field(&value), SystemTime::from_field(&value));
        }
    }
}
