//! Checks of configuration values; an error names the field and the value.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, Shown};
use crate::message::RESERVED;

/// A duration that prints itself.
#[derive(PartialEq, PartialOrd, Clone, Copy)]
struct Printed(Duration);

impl fmt::Display for Printed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Refuses a value outside `bounds`.
pub(super) fn in_range<T: PartialOrd + fmt::Display + Copy>(
    field: &str,
    value: T,
    bounds: RangeInclusive<T>,
) -> Result<()> {
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "`{field}` is {value}, and must be {} to {}",
            bounds.start(),
            bounds.end()
        ),
    ))
}

/// Refuses a duration outside `bounds`.
pub(super) fn duration(
    field: &str,
    value: Duration,
    least: Duration,
    most: Duration,
) -> Result<()> {
    in_range(field, Printed(value), Printed(least)..=Printed(most))
}

/// Refuses names that are reserved or too long.
pub(super) fn name(field: &str, value: &str) -> Result<()> {
    let problem = if value.is_empty() {
        "is empty"
    } else if value.as_bytes().first() == Some(&RESERVED) {
        "begins with `~`, which is reserved for the library"
    } else if value.len() > 512 {
        "is longer than 512 bytes"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::Config,
        format!("`{field}` {problem}: `{}`", Shown(value)),
    ))
}
