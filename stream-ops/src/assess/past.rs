//! Problems that are over.

use std::collections::BTreeMap;

use super::finding::Severity;
use super::group::Assessment;
use super::state::State;

/// A problem of a group that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// The stream.
    pub stream: String,
    /// The group.
    pub group: String,
    /// How the group was.
    pub state: State,
    /// When it began, in milliseconds since 1970.
    pub from_ms: u64,
    /// When it was seen to be over.
    pub until_ms: u64,
}

impl Past {
    /// How it was.
    pub fn words(&self) -> &'static str {
        match self.state {
            State::StandsStill => "stood still",
            State::NoProcess => "had no process",
            _ => "fell behind",
        }
    }
}

/// Notices the end of problems, by one assessment after the other.
#[derive(Debug, Default)]
pub struct Problems {
    open: BTreeMap<(String, String), (State, u64)>,
    last: Option<Past>,
}

impl Problems {
    /// Looks at what was found out last.
    pub fn look(&mut self, found: &Assessment) {
        let groups = found.streams.iter().flat_map(|stream| &stream.groups);
        let mut open = BTreeMap::new();
        for group in groups {
            if group.state.severity() > Severity::Warning {
                continue;
            }
            let key = (group.stream.clone(), group.name.clone());
            let since = group.since_ms.unwrap_or(found.at_ms);
            // It keeps the name and the time under which it began.
            let known = self.open.get(&key).copied();
            open.insert(key, known.unwrap_or((group.state, since)));
        }
        for (key, (state, from_ms)) in &self.open {
            if !open.contains_key(key) {
                self.last = Some(Past {
                    stream: key.0.clone(),
                    group: key.1.clone(),
                    state: *state,
                    from_ms: *from_ms,
                    until_ms: found.at_ms,
                });
            }
        }
        self.open = open;
    }

    /// The one that ended last.
    pub fn last(&self) -> Option<&Past> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::{GroupAssessment, StreamAssessment, Trend};

    fn found(at_ms: u64, state: State, since_ms: Option<u64>) -> Assessment {
        let group = GroupAssessment {
            stream: "orders".to_owned(),
            name: "billing".to_owned(),
            state,
            since_ms,
            is_sure: true,
            causes: Vec::new(),
            trend: Trend::default(),
            behind_ms: None,
        };
        let stream = StreamAssessment {
            name: "orders".to_owned(),
            state,
            arrives: None,
            arrives_is_sure: false,
            groups: vec![group],
        };
        Assessment {
            at_ms,
            streams: vec![stream],
            ..Assessment::default()
        }
    }

    #[test]
    fn a_problem_is_past_once_its_group_is_well_again() {
        let mut problems = Problems::default();
        problems.look(&found(1, State::KeepsUp, None));
        problems.look(&found(100, State::StandsStill, Some(40)));
        problems.look(&found(200, State::NoProcess, Some(150)));
        assert_eq!(problems.last(), None);
        problems.look(&found(300, State::CatchesUp, None));
        let past = problems.last().unwrap().clone();
        assert_eq!((past.from_ms, past.until_ms), (40, 300));
        assert_eq!(past.words(), "stood still");
        // It stays the last one, until another one ends.
        problems.look(&found(400, State::FallsBehind, None));
        assert_eq!(problems.last(), Some(&past));
        problems.look(&found(500, State::KeepsUp, None));
        let past = problems.last().unwrap();
        assert_eq!(
            (past.from_ms, past.until_ms, past.words()),
            (400, 500, "fell behind")
        );
    }
}
