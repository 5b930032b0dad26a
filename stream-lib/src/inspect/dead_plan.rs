//! Plans of redrives.

use std::collections::BTreeMap;
use std::fmt;

use super::dead_id::DeadLetterId;
use super::dead_letter::DeadLetter;
use super::schema::StreamSchema;
use crate::message::{EntryId, Misfit, RawMessage};
use crate::runtime::counted;

/// The expected result of a redrive: returned by
/// [`DeadLetters::plan_redrive`](crate::DeadLetters::plan_redrive), which changes
/// nothing.
///
/// `Display` shows one line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedrivePlan {
    /// Dead letters that would be put back.
    pub letters: usize,
    /// Dead letters that would stay, since their bodies were too large to be kept.
    pub without_body: usize,
    /// The number of dead letters of each group.
    pub groups: BTreeMap<String, usize>,
    /// The newest of them: given to [`DeadFilter::until`](crate::DeadFilter::until), it
    /// selects the same dead letters, whatever arrives meanwhile.
    pub until: Option<EntryId>,
    /// Dead letters that would fail again, since they don't fit the newest schemas.
    pub would_fail: usize,
    /// The misfits, most frequent first. A dead letter may have several.
    pub misfits: Vec<PlannedMisfit>,
}

/// A reason for which some dead letters would fail again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedMisfit {
    /// The misfit of the first of them.
    pub misfit: Misfit,
    /// The message type that it doesn't fit.
    pub schema: String,
    /// Dead letters with the same field and the same expectation of it.
    pub count: usize,
    /// The first of them.
    pub sample: DeadLetterId,
}

impl RedrivePlan {
    pub(super) fn add(
        &mut self,
        letter: &DeadLetter,
        message: &RawMessage,
        schemas: &[StreamSchema],
    ) {
        if letter.message().is_empty() {
            self.without_body += 1;
            return;
        }
        self.letters += 1;
        *self.groups.entry(letter.group().to_owned()).or_default() += 1;
        self.until = self.until.max(Some(letter.id()));
        let Some((schema, misfits)) = StreamSchema::check_any(schemas, message) else {
            return;
        };
        self.would_fail += 1;
        for misfit in misfits {
            let is_like = |known: &&mut PlannedMisfit| {
                known.misfit.field == misfit.field
                    && known.misfit.expected == misfit.expected
                    && known.schema == schema.name
            };
            match self.misfits.iter_mut().find(is_like) {
                Some(known) => known.count += 1,
                None => self.misfits.push(PlannedMisfit {
                    misfit,
                    schema: schema.name.clone(),
                    count: 1,
                    sample: letter.letter_id(),
                }),
            }
        }
    }

    pub(super) fn sorted(mut self) -> Self {
        self.misfits
            .sort_by_key(|misfit| std::cmp::Reverse(misfit.count));
        self
    }
}

impl fmt::Display for RedrivePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = counted(self.letters, "dead letter", "dead letters");
        write!(f, "would put {letters} back")?;
        if let Some(until) = self.until {
            write!(f, ", until {until}")?;
        }
        if self.without_body > 0 {
            write!(f, "; {} would stay without their fields", self.without_body)?;
        }
        if self.would_fail > 0 {
            write!(f, "; {} of them would fail again", self.would_fail)?;
        }
        for planned in &self.misfits {
            let PlannedMisfit { misfit, schema, .. } = planned;
            write!(f, "; {misfit} (schema {schema}, {} times)", planned.count)?;
        }
        Ok(())
    }
}
