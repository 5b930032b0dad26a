//! Plans of changes.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::job::Job;
use crate::words::{age, count};

/// A change that is planned and not made yet: its effect, and the number of entries. It
/// acts on exactly the entries that it names; entries that come later are left alone.
pub struct Plan {
    /// The change, as a command: `dlq redrive`.
    pub action: &'static str,
    /// The stream.
    pub stream: String,
    /// The group, if the change is about one.
    pub group: Option<String>,
    /// The change in sentences, the most important one first.
    pub sentences: Vec<String>,
    /// The changed things, in singular and plural.
    pub unit: (&'static str, &'static str),
    /// The verb of the result, as in "Put back 17 dead letters".
    pub verb: &'static str,
    /// The result as a sentence without its full stop, if the change is about a single
    /// thing.
    pub single: Option<String>,
    /// The number of things to change.
    pub count: u64,
    /// Counting ended at `count`: there may be more.
    pub may_be_more: bool,
    /// The number of all such things, including those that stay as they are.
    pub of: Option<u64>,
    /// The request limits the number.
    pub is_limited: bool,
    /// The number can be limited.
    pub has_limit: bool,
    /// The number of them that a group has not handled: unread or pending.
    pub unhandled: u64,
    /// Those that would fail again; `None` if no schema is known, or it doesn't matter.
    pub failing: Option<Failing>,
    /// The flag and value with which a second plan is the same, whatever entries come in
    /// between: `--until 1795660863012-0`.
    pub bound: Option<(&'static str, String)>,
    /// The flag and value of the beginning, where the request has one: the same in a
    /// second plan, even if the request says how long ago.
    pub begin: Option<(&'static str, String)>,
    /// The most changes per second; `None` for no limit.
    pub at_most: Option<NonZeroU32>,
    /// Further facts for programs. No payload.
    pub details: Map<String, Value>,
    pub(super) job: Box<dyn Job>,
}

/// Entries that would fail again, since they don't fit the newest schema.
#[derive(Debug, Clone, Default)]
pub struct Failing {
    /// Their number.
    pub count: u64,
    /// The reasons, the most frequent first. An entry may have several.
    pub why: Vec<Misfitting>,
}

/// Entries that don't fit for the same reason.
#[derive(Debug, Clone)]
pub struct Misfitting {
    /// The field, printable.
    pub field: String,
    /// The misfit of the first of them; sensitive values are hidden.
    pub text: String,
    /// The schema's name, and its number among those of this name: `Order 3`.
    pub schema: String,
    /// Their number.
    pub count: u64,
    /// The name of the first of them, such as its id.
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
            begin: None,
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

    /// Limits the changes per second. The default is no limit.
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

    /// As JSON, with the same names for all actions.
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
            "since": self.begin.as_ref().map(|(_, value)| value),
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
            .field("begin", &self.begin)
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
