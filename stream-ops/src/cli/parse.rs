//! Values of the command line.

use stream_lib::StartFrom;

use super::exit::Fault;
use crate::act::Bound;
pub(crate) use crate::since::duration;

/// Where a group begins to read: `beginning`, `end`, or after an id.
pub(crate) fn start_from(text: &str) -> Result<StartFrom, String> {
    match text {
        "beginning" | "0" => Ok(StartFrom::Beginning),
        "end" | "$" => Ok(StartFrom::End),
        id => match id.parse() {
            Ok(id) => Ok(StartFrom::Id(id)),
            Err(_) => {
                Err("`beginning`, `end` or an id such as 1700000000000-0 was expected".to_owned())
            }
        },
    }
}

/// An end of a range: an id, a time, how long ago, `-` or `+`.
pub(crate) fn bound(text: &str) -> Result<Bound, String> {
    let has_unit = text.ends_with(|c: char| c.is_ascii_lowercase());
    match duration(text) {
        Ok(time) if has_unit => Ok(Bound::Ago(time)),
        _ => text.parse(),
    }
}

/// A field with its value, of `FIELD=VALUE`.
pub(crate) fn field(text: &str) -> Result<(&str, &str), Fault> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(Fault::usage(format!("`{text}` is not FIELD=VALUE"))),
    }
}
