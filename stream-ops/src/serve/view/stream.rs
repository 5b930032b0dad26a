//! One stream.

use stream_lib::EntryId;

use super::redis::room;
use super::say::{about, age_or_dash, is_kept, listed, rate_or_dash, sign, whole};
use super::series::{arrives, handled};
use crate::assess::{Assessment, Finding, GroupAssessment, Severity, State, StreamAssessment};
use crate::observe::{GroupFacts, History, StreamFacts, StreamTrack};
use crate::serve::page::{
    GroupRow, Page, Problem, Rates, Rich, Sign, Stand, Stands, Stream, Tile, clock,
};
use crate::words::{age_ms, bytes, count, count_or_dash, of};

const HOUR_MS: u64 = 3_600_000;

/// Times until Redis is full that are longer than a year aren't shown.
const YEAR_MS: u64 = 365 * 24 * HOUR_MS;

/// Facts for the page of a stream that the poller doesn't have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamMore {
    /// Bytes in memory.
    pub memory: Option<u64>,
    /// The names of the messages, by their schemas.
    pub holds: Vec<String>,
    /// The effect of retention, or the reason why it is unknown.
    pub retention: Option<Result<Retention, String>>,
}

/// The effect of retention now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retention {
    /// The number of entries that would go.
    pub removes: u64,
    /// Whether counting ended at `removes`, so that there may be more.
    pub may_be_more: bool,
    /// The number of them that some group has not handled.
    pub unhandled: u64,
    /// The group for which entries stay that would go otherwise.
    pub blocked_by: Option<String>,
    /// The priority of the stream.
    pub priority: String,
}

/// One stream; `None` if there is none of this name.
pub fn stream(
    history: &History,
    found: &Assessment,
    name: &str,
    more: &StreamMore,
) -> Option<Stream> {
    let look = history.latest();
    let now = look.at_ms;
    let facts = look.streams.iter().find(|facts| facts.name == name)?;
    let judged = found.stream(name)?;
    let track = history.track(name);
    Some(Stream {
        name: name.to_owned(),
        about: about_it(facts, more),
        problem: problem(found, name, facts),
        tiles: tiles(facts, judged, track, more, now),
        stands: stands(facts, judged, now),
        rates: rates(judged, track, now),
        groups: judged
            .groups
            .iter()
            .filter_map(|group| Some(row(group, facts.group(&group.name)?)))
            .collect(),
        retention: retention(facts, more, room(history)),
        links: links(facts),
    })
}

fn about_it(facts: &StreamFacts, more: &StreamMore) -> String {
    let mut about = Vec::new();
    if !more.holds.is_empty() {
        let names: Vec<&str> = more.holds.iter().map(String::as_str).collect();
        about.push(format!("holds {}", listed(&names)));
    }
    if let Some(partitions) = facts.partitions {
        about.push(of(u64::from(partitions), "partition", "partitions"));
    }
    if facts.backup_capacity.is_some() {
        about.push("backup producer".to_owned());
    }
    if let Some(priority) = &facts.priority {
        about.push(format!("{priority} priority"));
    }
    if !facts.is_ours {
        about.push("no program of this library has written to it".to_owned());
    }
    about.join(" · ")
}

/// A problem of the stream itself; those of its groups stand below.
fn problem(found: &Assessment, name: &str, facts: &StreamFacts) -> Option<Problem> {
    let is_here = |finding: &&Finding| {
        finding.stream.as_deref() == Some(name)
            && finding.group.is_none()
            && finding.severity <= Severity::Warning
    };
    let mut here = found.findings.iter().filter(is_here);
    let Some(worst) = here.next() else {
        return facts
            .trouble
            .as_ref()
            .map(|trouble| plain(Sign::Worsens, trouble, ""));
    };
    let mut problem = plain(sign(worst.severity), &worst.sentence, &worst.detail);
    problem.note.clone_from(&worst.advice);
    problem.others = here
        .map(|finding| (sign(finding.severity), Rich::from(finding.sentence.clone())))
        .collect();
    Some(problem)
}

fn plain(sign: Sign, title: &str, text: &str) -> Problem {
    Problem {
        sign,
        title: Rich::from(title),
        text: Rich::from(text),
        next: None,
        note: None,
        chart: None,
        others: Vec::new(),
    }
}

fn tiles(
    facts: &StreamFacts,
    judged: &StreamAssessment,
    track: Option<&StreamTrack>,
    more: &StreamMore,
    now: u64,
) -> Vec<Tile> {
    let oldest = facts.first.filter(|_| facts.length > 0);
    let oldest = oldest.map(|first| now.saturating_sub(first.ms()));
    let behind = judged
        .groups
        .iter()
        .find(|group| group.state.severity() <= Severity::Warning);
    let kept = match behind {
        Some(group) if is_kept(facts) => format!("kept for {}", group.name),
        _ if oldest.is_none() => "the stream is empty".to_owned(),
        _ => "in the stream".to_owned(),
    };
    let dead: Rich = if facts.dead > 0 {
        Rich::new().link(count(facts.dead), Page::Dead(facts.name.clone()).link())
    } else {
        Rich::from("0")
    };
    vec![
        Tile::new("Entries", count(facts.length), length_note(track)),
        Tile::new(
            "Arrives",
            rate_or_dash(judged.arrives),
            arrives_note(judged, track, now),
        ),
        Tile::new("Oldest", age_or_dash(oldest), kept),
        Tile::new(
            "Memory",
            more.memory.map_or_else(|| "–".to_owned(), bytes),
            memory_note(facts, more.memory, track),
        ),
        Tile::new("Dead letters", dead, dead_note(facts, track)),
    ]
}

fn length_note(track: Option<&StreamTrack>) -> String {
    let points = || track.into_iter().flat_map(StreamTrack::lately);
    let (Some(first), Some(last)) = (points().next(), points().next_back()) else {
        return String::new();
    };
    let note = match last.length.cmp(&first.length) {
        _ if last.length.abs_diff(first.length) <= first.length / 50 => "steady",
        std::cmp::Ordering::Greater => "growing",
        _ => "shrinking",
    };
    note.to_owned()
}

fn arrives_note(judged: &StreamAssessment, track: Option<&StreamTrack>, now: u64) -> String {
    let rates: Vec<f64> = arrives(track, now)
        .points
        .iter()
        .map(|(_, rate)| *rate)
        .collect();
    let (Some(rate), Some(most)) = (judged.arrives, rates.iter().copied().reduce(f64::max)) else {
        return "over the last minutes".to_owned();
    };
    let least = rates.iter().copied().fold(most, f64::min);
    if most <= 0.0 && rate <= 0.0 {
        "nothing arrives".to_owned()
    } else if least >= most * 0.7 {
        format!("steady for {}", seen_for(track, now))
    } else {
        format!("between {} and {} /s", whole(least), whole(most.ceil()))
    }
}

fn seen_for(track: Option<&StreamTrack>, now: u64) -> String {
    let first = track.and_then(|track| track.hour().next());
    age_ms(now.saturating_sub(first.map_or(now, |point| point.at_ms)))
}

/// The growth of memory per hour, by the mean size of the entries.
fn memory_note(facts: &StreamFacts, memory: Option<u64>, track: Option<&StreamTrack>) -> String {
    let points = || track.into_iter().flat_map(StreamTrack::hour);
    let (Some(memory), Some(first), Some(last)) = (memory, points().next(), points().next_back())
    else {
        return String::new();
    };
    let span = last.at_ms.saturating_sub(first.at_ms);
    if facts.length == 0 || span < 60_000 {
        return String::new();
    }
    let each = u128::from(memory / facts.length);
    let change = u128::from(last.length.abs_diff(first.length)) * each * u128::from(HOUR_MS)
        / u128::from(span);
    let size = bytes(u64::try_from(change).unwrap_or(u64::MAX));
    if last.length >= first.length {
        format!("+{size} an hour")
    } else {
        format!("−{size} an hour")
    }
}

fn dead_note(facts: &StreamFacts, track: Option<&StreamTrack>) -> String {
    let before = track
        .and_then(|track| track.hour().next())
        .map(|point| point.dead);
    match before {
        Some(before) if facts.dead > before => {
            format!("{} new in this hour", count(facts.dead - before))
        }
        Some(before) if facts.dead < before => {
            format!("{} fewer than an hour ago", count(before - facts.dead))
        }
        _ if facts.dead == 0 => "none".to_owned(),
        _ => "none new in this hour".to_owned(),
    }
}

/// The positions of the groups, from an hour ago or from the last group, whichever is
/// earlier.
fn stands(facts: &StreamFacts, judged: &StreamAssessment, now: u64) -> Stands {
    let behind = judged
        .groups
        .iter()
        .filter_map(|group| group.behind_ms)
        .max();
    let long = behind.unwrap_or(0).max(HOUR_MS - HOUR_MS / 4) * 4 / 3;
    let from_ms = now.saturating_sub(long);
    let stand = |group: &GroupAssessment| {
        let of_group = facts.group(&group.name)?;
        let behind = group.behind_ms.unwrap_or(0);
        let state = match group.state {
            State::KeepsUp if behind >= 100 => format!("{} behind", age_ms(behind)),
            state => state.words().to_owned(),
        };
        Some(Stand {
            group: group.name.clone(),
            until_ms: now.saturating_sub(behind),
            sign: sign(group.state.severity()),
            words: format!("{state}, {}", count_or_dash(of_group.unread)),
        })
    };
    Stands {
        from_ms,
        to_ms: now,
        groups: judged.groups.iter().filter_map(stand).collect(),
    }
}

fn rates(judged: &StreamAssessment, track: Option<&StreamTrack>, now: u64) -> Option<Rates> {
    let worst = judged.groups.first()?;
    let of_group = track.and_then(|track| track.group(&worst.name));
    Some(Rates {
        group: worst.name.clone(),
        is_bad: worst.state.severity() <= Severity::Warning,
        arrives: arrives(track, now),
        handled: handled(of_group, now),
    })
}

fn row(group: &GroupAssessment, facts: &GroupFacts) -> GroupRow {
    let since = group
        .since_ms
        .map(|since| format!(" since {}", clock(since)));
    let since = since.filter(|_| group.state.severity() <= Severity::Warning);
    GroupRow {
        name: group.name.clone(),
        sign: sign(group.state.severity()),
        state: format!("{}{}", group.state.words(), since.unwrap_or_default()),
        unread: count_or_dash(facts.unread),
        in_hand: count(facts.pending.saturating_sub(facts.waiting)),
        waiting: count(facts.waiting),
        handles: rate_or_dash(group.trend.handles),
        processes: match (facts.living() as u64, facts.unknown() as u64) {
            (living, 0) => count(living),
            (0, _) => "–".to_owned(),
            (living, _) => format!("{} or more", count(living)),
        },
        done_in: done_in(group, facts),
    }
}

/// The time until all is done, at the current pace.
pub(super) fn done_in(group: &GroupAssessment, facts: &GroupFacts) -> String {
    match (group.state, group.trend.done_in, facts.unread) {
        (_, _, Some(0)) => "now".to_owned(),
        (State::StandsStill | State::NoProcess | State::FallsBehind, ..) => "never".to_owned(),
        (State::Held, ..) => "after the hold".to_owned(),
        (_, Some(seconds), _) => about(seconds),
        // The number is steady: the age of the oldest entry tells how long each takes.
        (State::KeepsUp, None, _) => age_or_dash(group.behind_ms),
        _ => "–".to_owned(),
    }
}

fn retention(facts: &StreamFacts, more: &StreamMore, room: Option<u64>) -> Rich {
    let plan = match &more.retention {
        None => return Rich::from("–"),
        Some(Err(why)) => return Rich::from(format!("What would go is unknown: {why}.")),
        Some(Ok(plan)) => plan,
    };
    let may_be_more = if plan.may_be_more { "at least " } else { "" };
    let mut said = Rich::new().plain("Would remove ");
    said = if plan.removes == 0 {
        said.strong("nothing").plain(" now")
    } else {
        said.strong(format!(
            "{may_be_more}{}",
            of(plan.removes, "entry", "entries")
        ))
        .plain(" now")
    };
    if plan.unhandled > 0 {
        said = said.plain(", ").bad(format!(
            "{} of them not handled by all groups",
            count(plan.unhandled)
        ));
    }
    if let Some(most) = facts.max_length.filter(|most| facts.length > *most) {
        said = said.plain(format!(
            ": the stream has {}, and may have {}",
            of(facts.length, "entry", "entries"),
            count(most)
        ));
    }
    if let Some(group) = &plan.blocked_by {
        let link = Page::Group(facts.name.clone(), group.clone()).link();
        said = said.plain("; entries stay for ").link(group.clone(), link);
    }
    said = said.plain(". ");
    if let Some(room) = room.filter(|room| *room < YEAR_MS) {
        said = said.plain(format!(
            "Redis has room for {} more at this rate. ",
            age_ms(room)
        ));
    }
    said.code(format!(
        "streamctl retention plan {}",
        crate::words::quoted(&facts.name)
    ))
}

fn links(facts: &StreamFacts) -> Vec<(String, String)> {
    let name = || facts.name.clone();
    let mut links = vec![(
        format!("Messages of {}", facts.name),
        Page::Messages(name()).link(),
    )];
    links.push((
        format!("Dead letters ({})", count(facts.dead)),
        Page::Dead(name()).link(),
    ));
    if facts.is_ours {
        links.push((
            format!("Schedules ({})", count(facts.scheduled)),
            Page::Schedules(name()).link(),
        ));
    }
    links
}

/// The time at which an entry was added, by its id.
pub(super) fn added_ms(id: EntryId) -> Option<u64> {
    // Ids that a producer made up hold no time.
    (id.ms() > 1_000_000_000_000).then(|| id.ms())
}
