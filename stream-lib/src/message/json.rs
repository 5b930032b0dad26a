//! JSON that reads back as the value it was written from.
//!
//! `serde_json` writes NaN and the infinities as `null`, which reads back as another
//! value or not at all. Its writer doesn't tell them from a real `null`, so where it
//! has written one, a serializer that writes nothing walks the value again.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Write};

use serde::Serialize;
use serde::de::value::Error;
use serde::ser::{self, Error as _, Serializer};
use serde_json::ser::Formatter;

/// Writes a value as a JSON document; fails if a float in it is NaN or infinite.
pub(super) fn document(
    out: impl Write,
    value: &(impl Serialize + ?Sized),
) -> Result<(), serde_json::Error> {
    let has_null = Cell::new(false);
    let compact = Compact {
        has_null: &has_null,
    };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, compact))?;
    if has_null.get() {
        value.serialize(Walk).map_err(serde_json::Error::custom)?;
    }
    Ok(())
}

/// Writes no white space, and notes that there was a `null`.
struct Compact<'a> {
    has_null: &'a Cell<bool>,
}

impl Formatter for Compact<'_> {
    fn write_null<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.has_null.set(true);
        out.write_all(b"null")
    }
}

/// A serializer that only looks at floats.
#[derive(Debug, Clone, Copy)]
struct Walk;

fn check(is_finite: bool) -> Result<(), Error> {
    if is_finite {
        return Ok(());
    }
    Err(Error::custom("JSON has no NaN and no infinities"))
}

/// Methods for values that hold no float.
macro_rules! plain {
    ($($method:ident($($argument:ty),*);)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<(), Error> {
            Ok(())
        }
    )*};
}

/// Methods for values that may hold others.
macro_rules! open {
    ($($method:ident($($argument:ty),*) -> $compound:ident;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Self::$compound, Error> {
            Ok(self)
        }
    )*};
}

impl Serializer for Walk {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    plain! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    open! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        check(value.is_finite())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        check(value.is_finite())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Error> {
        Ok(())
    }
}

/// A value that holds others: each is walked.
macro_rules! compound {
    ($($name:ident: $method:ident($($key:ty)?);)*) => {$(
        impl ser::$name for Walk {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $key,)?
                value: &T,
            ) -> Result<(), Error> {
                value.serialize(*self)
            }

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        }
    )*};
}

compound! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

impl ser::SerializeMap for Walk {
    type Ok = ();
    type Error = Error;

    /// `serde_json` refuses the keys that it can't write.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(*self)
    }

    fn end(self) -> Result<(), Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::message::{EncodeErrorKind, FieldWriter};

    use super::*;

    #[derive(Serialize, Clone)]
    enum Shape {
        Point,
        Circle(f64),
        Line(f32, f32),
        Box { width: f64, name: Option<String> },
    }

    #[derive(Serialize)]
    struct Metres(f64);

    #[derive(Serialize)]
    struct Pair(u8, f64);

    #[derive(Serialize)]
    struct Plan {
        name: Option<&'static str>,
        #[serde(flatten)]
        more: BTreeMap<&'static str, f64>,
    }

    /// Whether each of the two writers takes the value.
    fn is_written(value: &impl Serialize) -> bool {
        let mut out = Vec::new();
        let mut writer = FieldWriter::new(&mut out);
        let written = [writer.json("a", value), writer.json_unless_null("a", value)];
        assert_eq!(written[0].is_ok(), written[1].is_ok());
        if let Err(error) = &written[0] {
            assert_eq!(error.kind(), EncodeErrorKind::Value);
            assert!(error.to_string().contains("NaN"), "{error}");
            assert_eq!(writer.count(), 0);
        }
        written[0].is_ok()
    }

    fn plan(number: f64) -> Plan {
        Plan {
            name: None,
            more: BTreeMap::from([("a", 1.0), ("b", number)]),
        }
    }

    #[test]
    fn numbers_that_json_cannot_say_are_refused_wherever_they_are() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            #[expect(clippy::cast_possible_truncation, reason = "both have these")]
            let narrow = number as f32;
            assert!(!is_written(&number));
            assert!(!is_written(&narrow));
            assert!(!is_written(&Some(number)));
            assert!(!is_written(&[1.0, number]));
            assert!(!is_written(&(1, narrow)));
            assert!(!is_written(&BTreeMap::from([(1, number)])));
            assert!(!is_written(&Metres(number)));
            assert!(!is_written(&Pair(1, number)));
            assert!(!is_written(&Shape::Circle(number)));
            assert!(!is_written(&Shape::Line(0.0, narrow)));
            let name = None;
            let width = number;
            assert!(!is_written(&vec![Some(Shape::Box { width, name })]));
            assert!(!is_written(&plan(number)));
        }
    }

    #[test]
    fn real_nulls_are_written() {
        assert!(is_written(&None::<f64>));
        assert!(is_written(&()));
        assert!(is_written(&"null"));
        assert!(is_written(&[None, Some(f64::MAX)]));
        let name = None;
        assert!(is_written(&[Shape::Point, Shape::Box { width: 1.0, name }]));
        assert!(is_written(&plan(f64::MIN_POSITIVE)));
        assert!(is_written(&format_args!("{}", "null")));
    }
}
