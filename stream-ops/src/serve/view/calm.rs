//! The headline of an overview without a problem.

use super::say::{listed, long_age};
use crate::assess::{Assessment, GroupAssessment, Kind, Past, State};
use crate::observe::{History, StreamFacts};
use crate::words::{age_ms, of, shown};

/// The age of the newest dead letter up to which they count as still coming.
const STILL_COMING_MS: u64 = 600_000;

/// The headline, and a sentence or two below it.
pub(super) fn calm(history: &History, found: &Assessment, past: Option<&Past>) -> (String, String) {
    let groups = || found.streams.iter().flat_map(|stream| &stream.groups);
    let total = groups().count();
    let catching: Vec<&GroupAssessment> = groups()
        .filter(|group| group.state == State::CatchesUp)
        .collect();
    let title = match (total, catching.as_slice()) {
        (0, _) => "There is no group yet".to_owned(),
        (1, []) => "The one group keeps up".to_owned(),
        (2, []) => "Both groups keep up".to_owned(),
        (total, []) => format!("All {total} groups keep up"),
        (_, [one]) => format!("{} catches up, by itself", one.name),
        (_, several) => format!("{} groups catch up, by themselves", several.len()),
    };
    let held = groups().filter(|group| group.state == State::Held).count();
    let held = match held {
        0 => String::new(),
        held => format!(
            " {} held back by somebody.",
            of(held as u64, "group is", "groups are")
        ),
    };
    let unread = found
        .findings
        .iter()
        .filter(|finding| finding.kind == Kind::NobodyReads);
    let look = history.latest();
    let is_dying = |stream: &&StreamFacts| {
        let newest = stream.newest_dead.map(stream_lib::EntryId::ms);
        newest.is_some_and(|at| look.at_ms.saturating_sub(at) < STILL_COMING_MS)
    };
    let dying: Vec<&str> = look
        .streams
        .iter()
        .filter(is_dying)
        .map(|s| s.name.as_str())
        .collect();
    let nothing = match dying.as_slice() {
        [] => "Nothing needs you.".to_owned(),
        names => format!("Entries of {} still become dead letters.", listed(names)),
    };
    let past = past.map_or_else(String::new, |past| {
        format!(
            " The last problem ended {} ago: {} {} for {}.",
            age_ms(look.at_ms.saturating_sub(past.until_ms)),
            shown(past.group.as_bytes()),
            past.words(),
            long_age(past.until_ms.saturating_sub(past.from_ms))
        )
    });
    let said = format!("{nothing}{held}{past}");
    let said = unread.fold(said, |said, finding| said + " " + &finding.sentence);
    (title, said)
}

#[cfg(test)]
mod tests {
    use stream_lib::EntryId;

    use super::*;
    use crate::observe::Look;

    const NOW: u64 = 2_000_000_000_000;

    fn seen(stream: StreamFacts) -> History {
        let mut history = History::default();
        history.add(Look {
            at_ms: NOW,
            streams: vec![stream],
            is_complete: true,
            ..Look::default()
        });
        history
    }

    #[test]
    fn a_calm_overview_says_that_dead_letters_still_come() {
        let said = |ago_ms: u64| {
            let history = seen(StreamFacts {
                name: "orders".to_owned(),
                exists: true,
                dead: 1,
                newest_dead: Some(EntryId::new(NOW - ago_ms, 0)),
                ..StreamFacts::default()
            });
            calm(&history, &Assessment::default(), None).1
        };
        assert_eq!(said(5_000), "Entries of orders still become dead letters.");
        assert_eq!(said(STILL_COMING_MS), "Nothing needs you.");
    }

    #[test]
    fn a_calm_overview_says_which_problem_was_the_last() {
        let past = Past {
            stream: "orders".to_owned(),
            group: "billing".to_owned(),
            state: State::StandsStill,
            from_ms: NOW - 3_000_000,
            until_ms: NOW - 1_320_000,
        };
        let history = seen(StreamFacts::default());
        let said = calm(&history, &Assessment::default(), Some(&past)).1;
        assert_eq!(
            said,
            "Nothing needs you. The last problem ended 22 min ago: billing stood still for 28 minutes."
        );
    }
}
