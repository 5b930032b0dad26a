//! Expected forms of fields, in words.

use std::fmt;

use super::shape::FieldType;

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Bool => f.write_str("`1`, `0`, `true` or `false`"),
            Self::Integer { signed, bits } => integer_range(f, signed, bits),
            Self::Float { .. } => f.write_str("a number"),
            Self::Char => f.write_str("one UTF-8 character"),
            Self::Text => f.write_str("UTF-8 text"),
            Self::Bytes => f.write_str("bytes"),
            Self::ByteArray(length) => write!(f, "exactly {length} bytes"),
            Self::Duration => f.write_str("a duration in milliseconds"),
            Self::Time => f.write_str("a time in milliseconds since 1970"),
            Self::EntryId => f.write_str("an entry id such as `1700000000000-0`"),
            Self::Choice { open: true, .. } => f.write_str("a word"),
            Self::Choice { names, .. } => {
                f.write_str("one of ")?;
                list(f, names.iter().copied())
            }
            Self::Json => f.write_str("JSON of the field's type"),
            Self::Custom => f.write_str("a value in the form of its own module"),
            Self::Nested(schema) => write!(f, "the fields of `{}`", schema.name),
        }
    }
}

fn integer_range(f: &mut fmt::Formatter<'_>, signed: bool, bits: u32) -> fmt::Result {
    let above = 128_u32.saturating_sub(bits);
    let (least, most) = if signed {
        (
            i128::MIN.checked_shr(above).unwrap_or(0),
            i128::MAX.checked_shr(above).unwrap_or(0).unsigned_abs(),
        )
    } else {
        (0, u128::MAX.checked_shr(above).unwrap_or(0))
    };
    write!(f, "an integer from {least} to {most}")
}

/// Writes `a`, `b`, `c`.
fn list<'a>(f: &mut fmt::Formatter<'_>, names: impl Iterator<Item = &'a str>) -> fmt::Result {
    for (position, name) in names.enumerate() {
        let comma = if position == 0 { "" } else { ", " };
        write!(f, "{comma}`{name}`")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_types_say_their_range() {
        let text = |signed, bits| FieldType::Integer { signed, bits }.to_string();
        assert_eq!(text(false, 8), "an integer from 0 to 255");
        assert_eq!(text(true, 8), "an integer from -128 to 127");
        assert_eq!(
            text(true, 64),
            format!("an integer from {} to {}", i64::MIN, i64::MAX)
        );
        assert_eq!(
            text(false, 128),
            format!("an integer from 0 to {}", u128::MAX)
        );
        assert_eq!(
            text(true, 128),
            format!("an integer from {} to {}", i128::MIN, i128::MAX)
        );
    }
}
