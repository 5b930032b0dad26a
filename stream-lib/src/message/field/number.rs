//! Integers, floats and booleans.

use std::num::NonZero;

use super::value::{FromField, ToField};
use crate::message::error::{EncodeError, FieldError};
use crate::message::schema::FieldType;
use crate::message::writer::FieldWriter;

macro_rules! integers {
    ($signed:literal: $($integer:ty)*) => {$(
        impl ToField for $integer {
            const TYPE: FieldType = FieldType::Integer {
                signed: $signed,
                bits: <$integer>::BITS,
            };

            #[inline]
            fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
                out.text(name, itoa::Buffer::new().format(*self))
            }
        }

        impl FromField for $integer {
            #[inline]
            fn from_field(value: &[u8]) -> Result<Self, FieldError> {
                integer(value).ok_or_else(expected::<Self>)
            }
        }

        impl ToField for NonZero<$integer> {
            const TYPE: FieldType = <$integer>::TYPE;

            #[inline]
            fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
                self.get().write(name, out)
            }
        }

        impl FromField for NonZero<$integer> {
            #[inline]
            fn from_field(value: &[u8]) -> Result<Self, FieldError> {
                integer(value).ok_or_else(|| expected::<$integer>().because("0 is not allowed"))
            }
        }
    )*};
}

integers!(false: u8 u16 u32 u64 u128 usize);
integers!(true: i8 i16 i32 i64 i128 isize);

macro_rules! floats {
    ($($float:ty: $bits:literal)*) => {$(
        impl ToField for $float {
            const TYPE: FieldType = FieldType::Float { bits: $bits };

            fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
                if !self.is_finite() {
                    return out.display(name, self);
                }
                let mut digits = ryu::Buffer::new();
                let digits = digits.format_finite(*self);
                if digits.bytes().any(|byte| byte == b'e') {
                    // Very large or small: written out in full, without an
                    // exponent, like every other number.
                    return out.display(name, self);
                }
                out.text(name, digits.strip_suffix(".0").unwrap_or(digits))
            }
        }

        impl FromField for $float {
            #[inline]
            fn from_field(value: &[u8]) -> Result<Self, FieldError> {
                parsed(value).ok_or_else(expected::<Self>)
            }
        }
    )*};
}

floats!(f32: 32 f64: 64);

impl ToField for bool {
    const TYPE: FieldType = FieldType::Bool;

    #[inline]
    fn write(&self, name: &str, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text(name, if *self { "1" } else { "0" })
    }
}

impl FromField for bool {
    fn from_field(value: &[u8]) -> Result<Self, FieldError> {
        match value {
            b"1" => Ok(true),
            b"0" => Ok(false),
            // Python writes `True` and `False`.
            _ if value.eq_ignore_ascii_case(b"true") => Ok(true),
            _ if value.eq_ignore_ascii_case(b"false") => Ok(false),
            _ => Err(expected::<Self>()),
        }
    }
}

#[inline]
fn parsed<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    str::from_utf8(value).ok()?.parse().ok()
}

#[inline]
fn integer<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    match parsed(value) {
        None => parsed(spelled_out(value)?.as_bytes()),
        found => found,
    }
}

/// The digits of an integer that is written with a fraction of zeros or with an exponent:
/// `7.0`, `1e+3`, `1.5E1`. Languages without integers, and programs that pass integers
/// through a float, write these forms. The value is exact, since it doesn't go through a
/// float here.
#[cold]
fn spelled_out(value: &[u8]) -> Option<String> {
    /// Longer than any spelling of a 128-bit integer with zeros behind its point.
    const LONGEST: usize = 100;
    /// Zeros that an exponent may add: no integer has more digits.
    const MOST_ZEROS: usize = 39;
    let text = str::from_utf8(value).ok().filter(|t| t.len() <= LONGEST)?;
    let (sign, text) = match text.strip_prefix(['+', '-']) {
        Some(rest) => text.split_at(text.len() - rest.len()),
        None => ("", text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let mut digits = format!("{sign}{whole}{fraction}");
    if digits.bytes().all(|b| !b.is_ascii_digit() || b == b'0') {
        return Some(format!("{sign}0"));
    }
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let zeros = usize::try_from(shift.unsigned_abs()).ok()?;
    if shift >= 0 {
        let zeros = Some(zeros).filter(|zeros| *zeros <= MOST_ZEROS)?;
        digits.extend(std::iter::repeat_n('0', zeros));
        return Some(digits);
    }
    let kept = digits.len().checked_sub(zeros)?;
    let (kept, cut) = digits.split_at_checked(kept)?;
    cut.bytes().all(|b| b == b'0').then(|| kept.to_owned())
}

/// The error for a type, with the expectation from its `TYPE`.
#[cold]
pub(super) fn expected<T: ToField + ?Sized>() -> FieldError {
    FieldError::expected(T::TYPE.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: impl ToField) -> String {
        let mut out = Vec::new();
        value.write("a", &mut FieldWriter::new(&mut out)).unwrap();
        let written = String::from_utf8(out).unwrap();
        written.split("\r\n").nth(3).unwrap().to_owned()
    }

    #[test]
    fn floats_have_no_exponent_and_no_needless_fraction() {
        assert_eq!(text(99.99), "99.99");
        assert_eq!(text(1.0), "1");
        assert_eq!(text(-0.0), "-0");
        assert_eq!(text(0.1_f32), "0.1");
        assert_eq!(text(1e21), "1000000000000000000000");
        assert_eq!(text(1e-7), "0.0000001");
        assert_eq!(text(f64::MAX).len(), 309);
        assert_eq!(text(f64::INFINITY), "inf");
        assert_eq!(text(f64::NEG_INFINITY), "-inf");
        assert_eq!(text(f64::NAN), "NaN");
    }

    #[test]
    fn floats_of_other_languages_are_read() {
        for spelling in ["+Inf", "inf", "Infinity", "INF"] {
            assert_eq!(
                f64::from_field(spelling.as_bytes()),
                Ok(f64::INFINITY),
                "{spelling}"
            );
        }
        assert_eq!(f64::from_field(b"1e3"), Ok(1_000.0));
        assert!(f64::from_field(b"nan").unwrap().is_nan());
        assert!(f64::from_field(b" 1").is_err());
        assert!(f64::from_field(b"").is_err());
    }

    #[test]
    fn integers_that_other_languages_write_as_floats_are_read() {
        for (spelling, value) in [
            ("7.0", 7),
            ("7.000", 7),
            ("-7.0", -7),
            ("+7.0", 7),
            ("1e3", 1_000),
            ("1e+3", 1_000),
            ("1.5E1", 15),
            ("-1.25e2", -125),
            ("120e-1", 12),
            ("1.20e1", 12),
            ("0.0", 0),
            ("-0.0", 0),
            ("0e-99", 0),
            ("0.0007e4", 7),
            ("9.223372036854775807e18", i64::MAX),
        ] {
            assert_eq!(
                i64::from_field(spelling.as_bytes()),
                Ok(value),
                "{spelling}"
            );
        }
        let largest = b"3.40282366920938463463374607431768211455e38";
        assert_eq!(u128::from_field(largest), Ok(u128::MAX));
        assert_eq!(NonZero::<u8>::from_field(b"7.0").ok(), NonZero::new(7));
        assert!(NonZero::<u8>::from_field(b"0.0").is_err());
    }

    #[test]
    fn other_spellings_of_integers_are_refused() {
        for spelling in [
            "",
            " 7",
            "7 ",
            "7\n",
            "\u{a0}7",
            "7.5",
            "7.",
            ".0",
            "1e",
            "e3",
            "1e-1",
            "12e-1",
            "1e19",
            "1e99999999999",
            "1e2147483647",
            "0x7",
            "1_000",
            "1,0",
            "7.0.0",
            "7.0e1.0",
            "--7",
            "+-7.0",
            "-",
            "NaN",
            "inf",
            "9.3e18",
            "1e+ 3",
        ] {
            assert!(
                i64::from_field(spelling.as_bytes()).is_err(),
                "{spelling:?}"
            );
        }
        assert!(u8::from_field(b"256.0").is_err());
        assert!(u8::from_field(b"-1.0").is_err());
        assert!(f64::from_field(b"7 ").is_err());
        let long = format!("7.{}", "0".repeat(1_000));
        assert!(i64::from_field(long.as_bytes()).is_err());
    }

    #[test]
    fn integers_out_of_range_are_refused() {
        assert_eq!(u8::from_field(b"255"), Ok(255));
        let error = u8::from_field(b"256").unwrap_err().to_string();
        assert_eq!(error, "expected an integer from 0 to 255");
        let error = NonZero::<i8>::from_field(b"0").unwrap_err().to_string();
        assert_eq!(
            error,
            "expected an integer from -128 to 127 (0 is not allowed)"
        );
    }

    #[test]
    fn booleans_are_read_in_both_spellings() {
        for (spelling, value) in [
            ("1", true),
            ("true", true),
            ("True", true),
            ("0", false),
            ("FALSE", false),
        ] {
            assert_eq!(bool::from_field(spelling.as_bytes()), Ok(value));
        }
        for spelling in ["", "yes", "2", "01"] {
            assert!(bool::from_field(spelling.as_bytes()).is_err(), "{spelling}");
        }
    }

    proptest! {
        #[test]
        fn integers_read_the_same_in_every_spelling(value: i64, zeros in 1..5_usize) {
            let fraction = format!("{value}.{}", "0".repeat(zeros));
            prop_assert_eq!(i64::from_field(fraction.as_bytes()), Ok(value));
            let exponent = format!("{value}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(i64::from_field(exponent.as_bytes()), Ok(value));
            // With the one digit before the point that `{:e}` has.
            prop_assert_eq!(i64::from_field(format!("{value:e}").as_bytes()), Ok(value));
        }

        #[test]
        fn any_bytes_are_an_integer_or_refused(value in "[-+0-9.eE ]{0,12}") {
            let read = i128::from_field(value.as_bytes());
            if let (Ok(read), Ok(float)) = (read, value.parse::<f64>())
                && float.abs() < 1e15
            {
                #[expect(clippy::cast_precision_loss, reason = "it is small")]
                let read = read as f64;
                prop_assert!((read - float).abs() < 1.0, "{} {}", read, float);
            }
        }

        /// If two shortest decimals are equally near, the two may differ in
        /// the last digit.
        #[test]
        fn floats_are_as_short_as_display_makes_them(wide: f64, narrow: f32) {
            prop_assert_eq!(text(wide).len(), wide.to_string().len());
            prop_assert_eq!(text(narrow).len(), narrow.to_string().len());
            prop_assert_eq!(text(wide).parse(), Ok(wide));
            prop_assert_eq!(text(narrow).parse(), Ok(narrow));
        }
    }
}
