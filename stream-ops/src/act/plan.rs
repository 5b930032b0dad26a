//! What would be done.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::job::Job;
use crate::words::{age, count};

/// What would be done, to how many, and what that means. It holds on to exactly what it
/// names: what comes meanwhile is left alone.
pub struct Plan {
    /// What is done, as the command line has it: `dlq redrive`.
    pub action: &'static str,
    /// The stream.
    pub stream: String,
    /// The group, where it is about one.
    pub group: Option<String>,
    /// What would be done, in sentences, the most important one first.
    pub sentences: Vec<String>,
    /// What would be changed: one of them, and several.
    pub unit: (&'static str, &'static str),
    /// What becomes of them, as in "Put back 17 dead letters".
    pub verb: &'static str,
    /// The result in a sentence without its full stop, where it is about a single thing.
    pub single: Option<String>,
    /// How many would be changed.
    pub count: u64,
    /// There may be more: nobody has counted on.
    pub may_be_more: bool,
    /// How many there are in all, of which these are a part.
    pub of: Option<u64>,
    /// Their number was limited by the wish.
    pub is_limited: bool,
    /// Their number can be limited.
    pub has_limit: bool,
    /// How many of them a group has not handled: unread or pending.
    pub unhandled: u64,
    /// What would fail again.
    pub failing: Option<Failing>,
    /// The flag and its value with which a plan that is made again is the same, whatever
    /// comes meanwhile: `--until 1795660863012-0`.
    pub bound: Option<(&'static str, String)>,
    /// At most so many are changed a second.
    pub at_most: Option<NonZeroU32>,
    /// What more programs may wish to know. No payload.
    pub details: Map<String, Value>,
    pub(super) job: Box<dyn Job>,
}

/// Entries that would fail again, since they don't fit the newest schema.
#[derive(Debug, Clone, Default)]
pub struct Failing {
    /// How many.
    pub count: u64,
    /// Why, the most frequent first. One entry may have several misfits.
    pub why: Vec<Misfitting>,
}

/// Entries that don't fit for the same reason.
#[derive(Debug, Clone)]
pub struct Misfitting {
    /// The field, printable.
    pub field: String,
    /// What doesn't fit, by the first of them; sensitive values are hidden.
    pub text: String,
    /// The schema, and which one of its name: `Order 3`.
    pub schema: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub sample: String,
}

impl Plan {
    pub(super) fn new(
        action: &'static str,
        stream: &str,
        unit: (&'static str, &'static str),
        verb: &'static str,
        job: Box<dyn Job>,
    ) -> Self {
        Self {
            action,
            stream: stream.to_owned(),
            group: None,
            sentences: Vec::new(),
            unit,
            verb,
            single: None,
            count: 1,
            may_be_more: false,
            of: None,
            is_limited: false,
            has_limit: true,
            unhandled: 0,
            failing: None,
            bound: None,
            at_most: None,
            details: Map::new(),
            job,
        }
    }

    pub(super) fn say(mut self, sentence: impl Into<String>) -> Self {
        self.sentences.push(sentence.into());
        self
    }

    pub(super) fn with_result(mut self, single: impl Into<String>) -> Self {
        self.single = Some(single.into());
        self
    }

    pub(super) fn of_group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    pub(super) fn counted(mut self, count: impl TryInto<u64>) -> Self {
        self.count = count.try_into().unwrap_or(u64::MAX);
        self
    }

    pub(super) fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// At most so many are changed a second; as fast as it goes without a number.
    #[must_use]
    pub fn at_most(mut self, per_second: Option<NonZeroU32>) -> Self {
        self.at_most = per_second;
        if let Some(number) = per_second
            && !self.is_empty()
        {
            let per_second = u64::from(number.get());
            let time = Duration::from_secs(self.count.div_ceil(per_second));
            self.sentences.push(format!(
                "At most {} a second: it takes about {}.",
                count(per_second),
                age(time)
            ));
        }
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// As JSON. Programs that know nothing of an action read the same names for all.
    pub fn json(&self) -> Map<String, Value> {
        let failing = self.failing.as_ref().map(|failing| {
            let why = failing.why.iter().map(|misfit| {
                json!({
                    "field": misfit.field,
                    "text": misfit.text,
                    "schema": misfit.schema,
                    "count": misfit.count,
                    "sample": misfit.sample,
                })
            });
            json!({ "count": failing.count, "why": why.collect::<Vec<_>>() })
        });
        let mut json = crate::json::object(json!({
            "action": self.action,
            "stream": self.stream,
            "group": self.group,
            "count": self.count,
            "may_be_more": self.may_be_more,
            "of": self.of,
            "unhandled": self.unhandled,
            "would_fail": failing,
            "at_most_per_second": self.at_most,
            "until": self.bound.as_ref().map(|(_, value)| value),
            "plan": self.sentences,
        }));
        json.extend(self.details.clone());
        json
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("action", &self.action)
            .field("stream", &self.stream)
            .field("group", &self.group)
            .field("count", &self.count)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
