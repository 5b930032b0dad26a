//! All streams.

use super::happened::losses;
use super::say::{
    about, age_or_dash, done_at_pace, growth, is_kept, long_age, rate_or_dash, sign, title,
    waiting, why,
};
use super::series::{arrives, pace, unread};
use crate::assess::{
    Assessment, Finding, GroupAssessment, Kind, Past, Severity, State, StreamAssessment,
};
use crate::observe::{GroupFacts, History, ServerFacts, StreamFacts};
use crate::serve::page::{Happened, Overview, Page, Problem, Rich, Sign, StreamRow, Tile};
use crate::words::{age, age_ms, bytes, count, of, shown};

/// Dead letters that came within this time are said to come still.
const STILL_COMING_MS: u64 = 600_000;

/// Other findings that stand under the headline.
const OTHERS: usize = 4;

/// All streams, from what was seen and what was found out.
pub fn overview(
    history: &History,
    found: &Assessment,
    happened: Vec<Happened>,
    past: Option<&Past>,
) -> Overview {
    let look = history.latest();
    let mut all_happened = losses(look, found);
    all_happened.extend(happened);
    all_happened.sort_by_key(|one| std::cmp::Reverse(one.at_ms));
    let problem = problem_of(history, found);
    let mut streams: Vec<StreamRow> = found
        .streams
        .iter()
        .filter_map(|stream| {
            let facts = look
                .streams
                .iter()
                .find(|facts| facts.name == stream.name)?;
            Some(row(history, stream, facts, look.at_ms))
        })
        .collect();
    let is_calm = found
        .streams
        .iter()
        .all(|stream| stream.state.severity() == Severity::Calm);
    if problem.is_none() && is_calm {
        streams.sort_by(|a, b| plain(&a.name).cmp(plain(&b.name)));
    }
    Overview {
        calm: calm(history, found, past),
        problem,
        streams,
        is_complete: found.is_complete,
        happened: all_happened,
        redis: redis(history),
    }
}

/// A name without the braces that say where it lives.
fn plain(name: &str) -> &str {
    name.trim_start_matches('{')
}

/// What is worst. What mends by itself is no headline, nor is a stream that waits for its
/// first group: nothing of it is late.
fn problem_of(history: &History, found: &Assessment) -> Option<Problem> {
    let is_wrong = |finding: &&Finding| {
        finding.severity <= Severity::Warning && finding.kind != Kind::NobodyReads
    };
    let mut wrong = found.findings.iter().filter(is_wrong);
    let worst = wrong.next()?;
    let others: Vec<&Finding> = wrong.collect();
    let more = others.len().saturating_sub(OTHERS);
    let mut lines: Vec<(Sign, Rich)> = others
        .into_iter()
        .take(OTHERS)
        .map(|finding| (sign(finding.severity), line(finding)))
        .collect();
    if more > 0 {
        lines.push((Sign::Fine, Rich::from(format!("and {more} more"))));
    }
    let mut problem = match group_of(history, found, worst) {
        Some((stream, group, facts)) => of_group(history, stream, group, facts),
        None => of_finding(worst),
    };
    problem.others = lines;
    Some(problem)
}

fn line(finding: &Finding) -> Rich {
    let said = Rich::new().plain(finding.sentence.clone());
    match (&finding.stream, &finding.group) {
        (Some(stream), Some(group)) => {
            let link = Page::Group(stream.clone(), group.clone()).link();
            said.plain(" ").link("Look", link)
        }
        (Some(stream), None) => said
            .plain(" ")
            .link("Look", Page::Stream(stream.clone()).link()),
        _ => said,
    }
}

type OfGroup<'a> = (&'a StreamFacts, &'a GroupAssessment, &'a GroupFacts);

fn group_of<'a>(
    history: &'a History,
    found: &'a Assessment,
    finding: &Finding,
) -> Option<OfGroup<'a>> {
    let (stream, group) = (finding.stream.as_ref()?, finding.group.as_ref()?);
    let facts = history
        .latest()
        .streams
        .iter()
        .find(|s| s.name == *stream)?;
    Some((facts, found.group(stream, group)?, facts.group(group)?))
}

fn of_group(
    history: &History,
    stream: &StreamFacts,
    group: &GroupAssessment,
    facts: &GroupFacts,
) -> Problem {
    let now = history.latest().at_ms;
    let track = history.track(&stream.name);
    let of_group = track.and_then(|track| track.group(&group.name));
    let mut text = why(group, facts, now);
    if let Some(waiting) = waiting(group, facts) {
        text = text.plain(waiting).plain(" ");
    }
    if is_kept(stream) {
        text = text
            .strong("Nothing is lost:")
            .plain(" all of it is kept for the group.");
    }
    let rate = arrives(track, now).points.last().map(|(_, rate)| *rate);
    let needs = done_at_pace(facts.unread, pace(of_group, now), rate);
    let note = needs.map(|seconds| match group.state {
        State::StandsStill | State::NoProcess => {
            format!(
                "Once a process runs again, it needs about {} at its usual pace.",
                about(seconds)
            )
        }
        _ => format!("At its best pace it would need about {}.", about(seconds)),
    });
    Problem {
        sign: sign(group.state.severity()),
        title: title(group, now),
        text,
        next: Some((
            format!("Look at {}", group.name),
            Page::Group(stream.name.clone(), group.name.clone()).link(),
        )),
        note,
        chart: Some((unread(of_group, now), format!("unread by {}", group.name))),
        others: Vec::new(),
    }
}

fn of_finding(finding: &Finding) -> Problem {
    let next = finding.stream.as_ref().map(|stream| {
        (
            format!("Look at {stream}"),
            Page::Stream(stream.clone()).link(),
        )
    });
    Problem {
        sign: sign(finding.severity),
        title: Rich::from(finding.sentence.clone()),
        text: Rich::from(finding.detail.clone()),
        next,
        note: finding.advice.clone(),
        chart: None,
        others: Vec::new(),
    }
}

fn calm(history: &History, found: &Assessment, past: Option<&Past>) -> (String, String) {
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

fn row(history: &History, stream: &StreamAssessment, facts: &StreamFacts, now: u64) -> StreamRow {
    let worst = stream.groups.first();
    let of_worst = worst.and_then(|worst| facts.group(&worst.name));
    let (state, more) = state(stream, facts, now);
    let track = history.track(&stream.name);
    StreamRow {
        name: stream.name.clone(),
        sign: match &facts.trouble {
            Some(_) => Sign::Worsens,
            None => sign(stream.state.severity()),
        },
        state,
        more,
        behind: match worst {
            Some(worst) => age_or_dash(worst.behind_ms),
            None => "–".to_owned(),
        },
        unread: match (worst, of_worst) {
            (Some(group), Some(facts)) => unread_words(group, facts),
            _ => "nobody reads".to_owned(),
        },
        arrives: rate_or_dash(stream.arrives),
        hour: arrives(track, now),
        dead: count(facts.dead),
        has_dead: facts.dead > 0,
    }
}

fn unread_words(group: &GroupAssessment, facts: &GroupFacts) -> String {
    match facts.unread {
        None => "how many is unknown".to_owned(),
        Some(0) if facts.pending == 0 => "none unread".to_owned(),
        Some(0) => format!("none unread, {} in hand", count(facts.pending)),
        Some(unread) => {
            let about = if facts.unread_is_exact { "" } else { "about " };
            match growth(group, facts) {
                "" => format!("{about}{}", count(unread)),
                word => format!("{about}{} · {word}", count(unread)),
            }
        }
    }
}

/// How the worst group is, and the others.
fn state(stream: &StreamAssessment, facts: &StreamFacts, now: u64) -> (String, String) {
    if let Some(trouble) = &facts.trouble {
        return ("can't be looked at".to_owned(), trouble.clone());
    }
    let Some(worst) = stream.groups.first() else {
        let kept = format!(
            "kept until one has, {}",
            of(facts.length, "entry", "entries")
        );
        return ("no group reads it".to_owned(), kept);
    };
    let is_like = |group: &&GroupAssessment| group.state == worst.state;
    let alike = stream.groups.iter().filter(is_like).count();
    let names = |groups: &[&GroupAssessment]| {
        let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
        listed(&names)
    };
    if worst.state.severity() == Severity::Calm {
        let total = stream.groups.len();
        if worst.state == State::Idle && alike == total {
            let newest = facts.last.map(stream_lib::EntryId::ms).filter(|at| *at > 0);
            let idle = newest.map_or_else(
                || "idle".to_owned(),
                |at| format!("idle for {}", age_ms(now.saturating_sub(at))),
            );
            return (idle, of(total as u64, "group", "groups"));
        }
        if total == 1 {
            let state = format!("{} {}", worst.name, worst.state.words());
            return (state, "1 group".to_owned());
        }
        let all: Vec<&GroupAssessment> = stream.groups.iter().collect();
        return (format!("{total} groups keep up"), names(&all));
    }
    let state = format!("{} {}", worst.name, worst.state.words());
    let rest: Vec<&GroupAssessment> = stream.groups.iter().skip(1).collect();
    let more = match (worst.state, worst.trend.done_in, rest.as_slice()) {
        (State::CatchesUp, Some(seconds), _) => format!("done in about {}", about(seconds)),
        (_, _, []) => "1 group".to_owned(),
        (_, _, rest) if rest.iter().all(|g| g.state.severity() == Severity::Calm) => {
            let keep = if rest.len() == 1 {
                "keeps up"
            } else {
                "keep up"
            };
            format!("{} {keep}", names(rest))
        }
        (_, _, rest) => {
            let bad = rest
                .iter()
                .filter(|g| g.state.severity() <= Severity::Warning)
                .count();
            format!("and {} of {} more in trouble", bad, rest.len())
        }
    };
    (state, more)
}

/// `a`, `a and b`, `a, b and c`, at most a few of them.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 4 => format!("{} and {last}", first.join(", ")),
        [first, second, third, rest @ ..] => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// What Redis says of itself.
pub(super) fn redis(history: &History) -> Vec<Tile> {
    let look = history.latest();
    let servers = &look.servers;
    let Some(first) = servers.first() else {
        return vec![Tile::new("Redis", "–", "was not reached yet")];
    };
    let memory: Option<u64> = servers.iter().map(|server| server.memory).sum();
    let most: Option<u64> = servers.iter().map(|server| server.max_memory).sum();
    let note = match most {
        Some(0) => "no limit is set".to_owned(),
        Some(most) => format!("of {}", bytes(most)),
        None => "its limit is unknown".to_owned(),
    };
    let slowest = servers
        .iter()
        .max_by_key(|server| server.round_trip)
        .unwrap_or(first);
    vec![
        Tile::new("Memory", memory.map_or_else(|| "–".to_owned(), bytes), note),
        growing(history, servers),
        Tile::new(
            "Answers in",
            round_trip(slowest),
            match servers.len() {
                1 => "one round trip".to_owned(),
                masters => format!("the slowest of {masters} masters"),
            },
        ),
        saved(first, look.at_ms),
    ]
}

pub(crate) fn round_trip(server: &ServerFacts) -> String {
    let micros = server.round_trip.as_micros();
    if micros < 100_000 {
        format!("{}.{} ms", micros / 1_000, micros / 100 % 10)
    } else {
        age(server.round_trip)
    }
}

/// How many bytes more a server uses each hour, over what was seen.
fn growth_of(history: &History, server: &ServerFacts) -> Option<i128> {
    let mut points = history.memory(&server.address);
    let ((from, before), (to, after)) = (points.next()?, points.next_back()?);
    let grown = i128::from(after) - i128::from(before);
    (to > from).then(|| grown * 3_600_000 / i128::from(to - from))
}

/// For how long there is room at this pace on the server that is full first, in
/// milliseconds.
pub(super) fn room(history: &History) -> Option<u64> {
    let servers = history.latest().servers.iter();
    let room = servers.filter_map(|server| {
        let (used, most) = (server.memory?, server.max_memory.filter(|most| *most > 0)?);
        let growth = growth_of(history, server).filter(|growth| *growth > 0)?;
        let left = i128::from(most.saturating_sub(used)) * 3_600_000 / growth;
        u64::try_from(left).ok()
    });
    room.min()
}

/// How fast memory grows.
fn growing(history: &History, servers: &[ServerFacts]) -> Tile {
    let known: Vec<i128> = servers
        .iter()
        .filter_map(|server| growth_of(history, server))
        .collect();
    if known.is_empty() {
        return Tile::new("Memory grows by", "–", "was not watched for long enough");
    }
    let growth: i128 = known.iter().sum();
    let size = bytes(u64::try_from(growth.unsigned_abs()).unwrap_or(u64::MAX));
    let word = if growth >= 0 {
        "more each hour"
    } else {
        "less each hour"
    };
    Tile::new("Memory grows by", size, word)
}

fn saved(server: &ServerFacts, now: u64) -> Tile {
    let value = server
        .saved_ms
        .map(|at| format!("{} ago", age_ms(now.saturating_sub(at))));
    let note = match (server.appends, server.saves_well) {
        (_, Some(false)) => "the last save failed",
        (Some(true), _) => "append-only file, too",
        (Some(false), _) => "no append-only file",
        (None, _) => "",
    };
    Tile::new("Saved", value.unwrap_or_else(|| "–".to_owned()), note)
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

    #[test]
    fn names_are_listed_as_people_do() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
