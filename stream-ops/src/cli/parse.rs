//! Values of the command line.

use std::time::Duration;

use stream_lib::StartFrom;

use super::exit::Fault;
use crate::act::Bound;

/// A duration: `500ms`, `30s`, `5m`, `2h`, `7d`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.parse().map_err(|_| wanted())?;
    let seconds = match unit.trim() {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3_600.0,
        "d" => number * 86_400.0,
        _ => return Err(wanted()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| wanted())
}

fn wanted() -> String {
    "a duration such as 500ms, 30s, 5m, 2h or 7d was expected".to_owned()
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [
            ("500ms", 500),
            ("30", 30_000),
            ("1.5s", 1_500),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "5 weeks", "-1s", "1e400h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
