//! The assessment of streams and groups.

use super::causes::{Cause, causes};
use super::finding::{Finding, Kind, Severity};
use super::others::{about_redis, about_servers, about_stream};
use super::say::finding_of;
use super::state::{State, judge};
use super::trend::{Trend, arrives};
use crate::observe::{GroupFacts, History, StreamFacts};
use crate::words::Clock;

/// The assessment of a history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assessment {
    /// The server's clock at the last look, in milliseconds since 1970.
    pub at_ms: u64,
    /// Streams, the worst first.
    pub streams: Vec<StreamAssessment>,
    /// Findings, the worst first.
    pub findings: Vec<Finding>,
    /// Whether all streams have been found; until then there may be more.
    pub is_complete: bool,
}

impl Assessment {
    /// The severity of the worst finding.
    pub fn severity(&self) -> Severity {
        let worst = self.findings.iter().map(|finding| finding.severity).min();
        worst.unwrap_or(Severity::Calm)
    }

    /// A stream by its name.
    pub fn stream(&self, name: &str) -> Option<&StreamAssessment> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    /// A group by its name.
    pub fn group(&self, stream: &str, group: &str) -> Option<&GroupAssessment> {
        let groups = &self.stream(stream)?.groups;
        groups.iter().find(|found| found.name == group)
    }
}

/// The assessment of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamAssessment {
    /// Its name.
    pub name: String,
    /// The worst state among its groups.
    pub state: State,
    /// Entries that arrive per second.
    pub arrives: Option<f64>,
    /// Whether five minutes were watched for that.
    pub arrives_is_sure: bool,
    /// Its groups, the worst first.
    pub groups: Vec<GroupAssessment>,
}

/// The assessment of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupAssessment {
    /// Its stream.
    pub stream: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: State,
    /// Since when, in milliseconds since 1970, where that is known.
    pub since_ms: Option<u64>,
    /// Whether the state is certain. A first look can only infer it from ages.
    pub is_sure: bool,
    /// The causes of the state, the first one to look at first.
    pub causes: Vec<Cause>,
    /// How its unread entries change.
    pub trend: Trend,
    /// For how long the oldest unread entry has been waiting, in milliseconds.
    pub behind_ms: Option<u64>,
}

/// Assesses a history, with times in UTC. Pure: the same history gives the same
/// assessment.
pub fn assess(history: &History) -> Assessment {
    assess_in(history, &Clock::utc())
}

/// As [`assess()`], with the times of `clock`.
pub fn assess_in(history: &History, clock: &Clock) -> Assessment {
    let look = history.latest();
    let now = look.at_ms;
    let mut findings: Vec<Finding> = about_redis(history, clock).into_iter().collect();
    findings.extend(about_servers(history));
    let mut streams = Vec::with_capacity(look.streams.len());
    for stream in &look.streams {
        let found = assess_stream(stream, history, now);
        for (group, facts) in found.groups.iter().filter_map(|group| {
            let facts = stream.group(&group.name)?;
            Some((group, facts))
        }) {
            findings.extend(finding_of(group, facts, stream, clock, now));
        }
        let track = history.track(&stream.name);
        findings.extend(about_stream(stream, track, now));
        streams.push(found);
    }
    findings.sort_by_key(|finding| {
        // While Redis doesn't answer, the rest is what was known before.
        let is_known = finding.kind != Kind::RedisRefuses;
        let is_of_group = finding.kind > Kind::CatchesUp;
        (
            finding.severity,
            is_known,
            is_of_group,
            finding.since_ms.unwrap_or(u64::MAX),
        )
    });
    streams.sort_by(|a, b| {
        let key = |s: &StreamAssessment| (s.state.severity(), std::cmp::Reverse(behind(s)));
        key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
    });
    Assessment {
        at_ms: now,
        streams,
        findings,
        is_complete: look.is_complete,
    }
}

fn behind(stream: &StreamAssessment) -> u64 {
    let groups = stream.groups.iter().filter_map(|group| group.behind_ms);
    groups.max().unwrap_or(0)
}

fn assess_stream(stream: &StreamFacts, history: &History, now: u64) -> StreamAssessment {
    let track = history.track(&stream.name);
    let newest = stream.last.map(stream_lib::EntryId::ms);
    let newest = newest.filter(|at| *at > 0);
    let judge_group = |facts: &GroupFacts| {
        let track = track.and_then(|track| track.group(&facts.name));
        let trend = Trend::of(facts, track, now);
        let judged = judge(facts, track, &trend, newest, now);
        let trend = match judged.state {
            State::StandsStill | State::NoProcess => trend.while_still(facts, now),
            _ => trend,
        };
        let unread_since = facts.oldest_unread_ms.filter(|_| facts.unread != Some(0));
        GroupAssessment {
            stream: stream.name.clone(),
            name: facts.name.clone(),
            state: judged.state,
            since_ms: judged.since_ms,
            is_sure: judged.is_sure,
            causes: causes(facts, judged.state, history.outage()),
            trend,
            behind_ms: Some(unread_since.map_or(0, |at| now.saturating_sub(at))),
        }
    };
    let mut groups: Vec<GroupAssessment> = stream.groups.iter().map(judge_group).collect();
    groups.sort_by_key(|group| (group.state.severity(), std::cmp::Reverse(group.behind_ms)));
    let arrives = arrives(stream, track, now);
    StreamAssessment {
        name: stream.name.clone(),
        state: groups.first().map_or(State::NoGroup, |worst| worst.state),
        arrives: arrives.map(|(rate, _)| rate),
        arrives_is_sure: arrives.is_some_and(|(_, is_sure)| is_sure),
        groups,
    }
}
