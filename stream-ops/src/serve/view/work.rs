//! A change in progress.

use std::time::Duration;

use crate::serve::page::{Rich, Tile, Work};
use crate::words::{age, count};

/// The progress of a change.
#[derive(Debug, Clone)]
pub struct WorkNow<'a> {
    /// Its id.
    pub id: &'a str,
    /// The stream.
    pub stream: &'a str,
    /// The change in progress, as a heading.
    pub doing: &'a str,
    /// The name of the caller who started it.
    pub who: &'a str,
    /// The equivalent command line.
    pub command: &'a str,
    /// The address of the page from which it was started.
    pub back: &'a str,
    /// The planned number.
    pub planned: u64,
    /// The number of things changed or left alone.
    pub handled: u64,
    /// The most per second.
    pub at_most: Option<u32>,
    /// The time since it began.
    pub age: Duration,
    /// The name of the caller who stopped it.
    pub stopped_by: Option<String>,
    /// Its result; `None` while it runs.
    pub told: Option<Rich>,
}

/// The progress of a change, or its result.
pub fn work(now: &WorkNow<'_>) -> Work {
    let is_over = now.told.is_some();
    let left = now.planned.saturating_sub(now.handled);
    Work {
        stream: now.stream.to_owned(),
        title: if is_over {
            format!("{}: ended", now.doing)
        } else {
            now.doing.to_owned()
        },
        about: format!("by {}", now.who),
        told: match (&now.told, &now.stopped_by) {
            (Some(told), Some(who)) => {
                Some(told.clone().plain(format!(" It was stopped by {who}.")))
            }
            (told, _) => told.clone(),
        },
        done: now.handled,
        planned: now.planned,
        tiles: vec![
            Tile::new(
                "So far",
                count(now.handled),
                format!("of {}", count(now.planned)),
            ),
            Tile::new(
                "Pace",
                now.at_most.map_or_else(
                    || "no limit".to_owned(),
                    |rate| format!("{} /s", count(rate.into())),
                ),
                if now.at_most.is_some() {
                    "at most"
                } else {
                    "as fast as possible"
                },
            ),
            Tile::new(
                if is_over { "Not reached" } else { "Left" },
                if is_over {
                    count(left)
                } else {
                    in_time(now, left)
                },
                if is_over { "as before" } else { "at this pace" },
            ),
        ],
        stop: (!is_over && now.stopped_by.is_none()).then(|| now.id.to_owned()),
        command: now.command.to_owned(),
        back: now.back.to_owned(),
    }
}

/// The time that the rest takes, by the pace so far or the agreed one, whichever is
/// lower.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn in_time(now: &WorkNow<'_>, left: u64) -> String {
    let agreed = now.at_most.map(f64::from);
    let so_far = now.handled as f64 / now.age.as_secs_f64().max(0.001);
    let pace = match (now.handled, agreed) {
        (0, agreed) => agreed,
        (_, Some(agreed)) => Some(so_far.min(agreed)),
        (_, None) => Some(so_far),
    };
    let time = pace.and_then(|pace| Duration::try_from_secs_f64(left as f64 / pace).ok());
    time.map_or_else(
        || "–".to_owned(),
        |time| format!("about {}", age(Duration::from_secs(time.as_secs().max(1)))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(handled: u64, told: Option<Rich>) -> WorkNow<'static> {
        WorkNow {
            id: "7",
            stream: "orders",
            doing: "Putting 2,000 dead letters back into orders",
            who: "ada",
            command: "",
            back: "/",
            planned: 2_000,
            handled,
            at_most: Some(50),
            age: Duration::from_secs(10),
            stopped_by: None,
            told,
        }
    }

    #[test]
    fn a_change_in_progress_says_how_long_it_takes_and_can_be_stopped() {
        let page = work(&now(500, None));
        assert_eq!(page.stop.as_deref(), Some("7"));
        assert_eq!(page.tiles[0].value.text(), "500");
        assert_eq!(page.tiles[2].value.text(), "about 30 s");
        let slow = work(&now(100, None));
        assert_eq!(slow.tiles[2].value.text(), "about 3 min 10 s");
    }

    #[test]
    fn a_change_that_has_ended_says_what_it_left() {
        let mut ended = now(500, Some(Rich::from("Interrupted.")));
        ended.stopped_by = Some("bob".to_owned());
        let page = work(&ended);
        assert_eq!(page.stop, None);
        assert_eq!(page.tiles[2].value.text(), "1,500");
        assert_eq!(
            page.told.unwrap().text(),
            "Interrupted. It was stopped by bob."
        );
    }
}
