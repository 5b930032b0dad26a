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
                parsed(value).ok_or_else(expected::<Self>)
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
                parsed(value).ok_or_else(|| expected::<$integer>().because("0 is not allowed"))
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
            // `True` and `False` are what Python writes.
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

/// The error of a type that says in its `TYPE` what it expects.
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
        /// Where two shortest decimals are equally near, the two may differ in
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
