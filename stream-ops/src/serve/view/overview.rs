//! All streams.

use super::calm::calm;
use super::happened::losses;
use super::redis::redis;
use super::say::{
    about, age_or_dash, done_at_pace, growth, is_kept, listed, rate_or_dash, sign, title, waiting,
    why,
};
use super::series::{arrives, pace, unread};
use crate::assess::{
    Assessment, Finding, GroupAssessment, Kind, Past, Severity, State, StreamAssessment,
};
use crate::observe::{GroupFacts, History, StreamFacts};
use crate::serve::page::{Happened, Overview, Page, Problem, Rich, Sign, StreamRow};
use crate::words::{age_ms, count, of};

/// The most further findings under the headline.
const OTHERS: usize = 4;

/// All streams.
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

/// A name without the braces of its hash tag.
fn plain(name: &str) -> &str {
    name.trim_start_matches('{')
}

/// The worst problem. A state that mends by itself is no headline, nor is a stream that
/// waits for its first group.
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
        None => "number unknown".to_owned(),
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

/// The state of the worst group, and a note on the others.
fn state(stream: &StreamAssessment, facts: &StreamFacts, now: u64) -> (String, String) {
    if let Some(trouble) = &facts.trouble {
        return ("can't be read".to_owned(), trouble.clone());
    }
    let Some(worst) = stream.groups.first() else {
        let kept = format!(
            "{} until one does",
            of(facts.length, "entry is kept", "entries are kept")
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
            let keep = State::KeepsUp.words_of(rest.len() as u64);
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
