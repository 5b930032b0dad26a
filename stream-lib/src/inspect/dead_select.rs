//! Selections of dead letters: listed, counted by kind, planned, put back with changes.

use std::cmp::Reverse;

use super::dead_filter::DeadFilter;
use super::dead_id::DeadLetterId;
use super::dead_kind::{DeadKind, KindCount};
use super::dead_letter::DeadLetter;
use super::dead_letters::{DeadLetters, DeadPart};
use super::dead_plan::RedrivePlan;
use super::dead_report::RedriveReport;
use super::field_edits::FieldEdits;
use super::schema::StreamSchema;
use crate::command::{self, DeadMark, DeadWalk};
use crate::error::Result;
use crate::message::EntryId;

impl DeadLetters {
    /// One dead letter; `None` if no dead letter has this id.
    pub fn letter(&self, id: DeadLetterId) -> Result<Option<DeadLetter>> {
        let found = self.part_of(id).and_then(|part| self.fetch(&part, id.id));
        found.map_err(|e| self.failed(e, "reading"))
    }

    /// The newest dead letters, at most `limit`, the newest first; with `before`, those
    /// before it: the next page. For a stream with partitions, all are merged by their
    /// ids.
    pub fn list_newest(
        &self,
        before: Option<DeadLetterId>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>> {
        let before = before.map(|id| self.part_of(id).map(|_| id)).transpose();
        let before = before.map_err(|e| self.failed(e, "listing"))?;
        let newest = self.of_all("listing", Vec::new(), |mut ids, part| {
            let to = match before {
                None => EntryId::MAX,
                // Equal ids are in the order of their partitions.
                Some(before) if part.partition < before.partition => before.id,
                Some(before) => before.id.previous(),
            };
            let walk = DeadWalk {
                from: EntryId::MIN,
                to,
                newest_first: true,
            };
            let mut left = limit;
            self.walk(part, walk, limit, |mark| {
                ids.push(DeadLetterId::new(part.partition, mark.id));
                left = left.saturating_sub(1);
                left
            })?;
            Ok(ids)
        });
        let mut newest = newest?;
        newest.sort_by_key(|at| Reverse((at.id, at.partition)));
        newest.truncate(limit);
        self.letters(&newest)
    }

    /// The dead letters of a selection, with their bodies; for a stream with partitions,
    /// first those of one, then those of the next. All of them are held in memory.
    pub fn list_where(&self, filter: &DeadFilter) -> Result<Vec<DeadLetter>> {
        let ids = self.select(filter)?;
        self.letters(&ids)
    }

    /// The addresses of the dead letters of a selection, oldest first; for a stream with
    /// partitions, first those of one, then those of the next. No body is fetched.
    pub fn select(&self, filter: &DeadFilter) -> Result<Vec<DeadLetterId>> {
        let mut ids = Vec::new();
        self.each(filter, "selecting", |partition, mark| {
            ids.push(DeadLetterId::new(partition, mark.id));
        })?;
        Ok(ids)
    }

    /// As [`select`](Self::select), the newest first: a limit keeps the newest ones, and
    /// earlier ones are not read. For a stream with partitions, all are merged by their
    /// ids.
    pub fn select_newest(&self, filter: &DeadFilter) -> Result<Vec<DeadLetterId>> {
        let most = filter.limit;
        let newest = self.of_all("selecting", Vec::new(), |mut ids, part| {
            let mut left = most;
            self.each_of(part, filter, true, &mut left, |mark| {
                ids.push(DeadLetterId::new(part.partition, mark.id));
            })?;
            Ok(ids)
        });
        let mut newest = newest?;
        newest.sort_by_key(|at| Reverse((at.id, at.partition)));
        newest.truncate(most);
        Ok(newest)
    }

    /// The kinds of all dead letters, most frequent first. No body is fetched.
    ///
    /// # Blocking
    ///
    /// As all methods, with one request for each 500 dead letters, or each megabyte of
    /// them.
    pub fn kinds(&self) -> Result<Vec<DeadKind>> {
        self.kinds_of(&DeadFilter::new())
    }

    /// The kinds of a selection; see [`kinds`](Self::kinds).
    pub fn kinds_of(&self, filter: &DeadFilter) -> Result<Vec<DeadKind>> {
        let mut count = KindCount::default();
        self.each(filter, "counting", |partition, mark| {
            count.add(partition, mark);
        })?;
        Ok(count.kinds())
    }

    /// Puts dead letters back with some fields changed; see
    /// [`redrive_letters`](Self::redrive_letters).
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) for a change of a field that is the library's
    /// own, and as all methods.
    pub fn redrive_edited(
        &self,
        ids: &[DeadLetterId],
        edits: &FieldEdits,
    ) -> Result<RedriveReport> {
        let edits = edits.checked().map_err(|e| self.failed(e, "redriving"))?;
        self.put_back(ids, edits)
    }

    /// Puts the dead letters of a selection back, with some fields changed, if any; see
    /// [`redrive_letters`](Self::redrive_letters). The redrive takes several steps; a
    /// failed call leaves those that it hadn't reached.
    ///
    /// # Errors
    ///
    /// As [`redrive_edited`](Self::redrive_edited).
    pub fn redrive_where(&self, filter: &DeadFilter, edits: &FieldEdits) -> Result<RedriveReport> {
        let edits = edits.checked().map_err(|e| self.failed(e, "redriving"))?;
        self.put_back(&self.select(filter)?, edits)
    }

    /// Returns the expected result of [`redrive_where`](Self::redrive_where), and which
    /// of the dead letters would fail again, since they don't fit the newest of these
    /// schemas, which [`StreamManager::schemas`](crate::StreamManager::schemas) returns.
    /// Nothing is changed.
    ///
    /// # Blocking
    ///
    /// As all methods; each body is fetched, one at a time.
    ///
    /// # Errors
    ///
    /// As [`redrive_edited`](Self::redrive_edited).
    pub fn plan_redrive(
        &self,
        filter: &DeadFilter,
        edits: &FieldEdits,
        schemas: &[StreamSchema],
    ) -> Result<RedrivePlan> {
        edits
            .checked()
            .map_err(|e| self.failed(e, "planning to redrive"))?;
        let mut plan = RedrivePlan::default();
        for id in self.select(filter)? {
            // A dead letter that is gone meanwhile isn't put back either.
            if let Some(letter) = self.letter(id)? {
                plan.add(&letter, &edits.applied_to(letter.message()), schemas);
            }
        }
        Ok(plan.sorted())
    }

    fn letters(&self, ids: &[DeadLetterId]) -> Result<Vec<DeadLetter>> {
        let found = ids.iter().map(|id| self.letter(*id));
        found.filter_map(Result::transpose).collect()
    }

    fn fetch(&self, part: &DeadPart, id: EntryId) -> Result<Option<DeadLetter>> {
        let before = Some(id.previous());
        let page = self.looking(part, |wire, keys| {
            command::dead_letters(wire, keys, before, 1)
        })?;
        let is_it = !page.is_empty() && page.id(0) == id;
        Ok(is_it.then(|| DeadLetter::new(part.partition, &page, 0)))
    }

    /// Goes through the dead letters of a selection.
    fn each(
        &self,
        filter: &DeadFilter,
        doing: &str,
        mut each: impl FnMut(Option<u16>, DeadMark),
    ) -> Result<()> {
        self.of_all(doing, filter.limit, |mut left, part| {
            self.each_of(part, filter, false, &mut left, |mark| {
                each(part.partition, mark);
            })?;
            Ok(left)
        })
        .map(drop)
    }

    /// As [`each`](Self::each), of one partition, and at most `left`, which it counts
    /// down.
    fn each_of(
        &self,
        part: &DeadPart,
        filter: &DeadFilter,
        newest_first: bool,
        left: &mut usize,
        mut each: impl FnMut(DeadMark),
    ) -> Result<()> {
        let Some((from, to)) = filter.range().filter(|_| *left > 0) else {
            return Ok(());
        };
        let walk = DeadWalk {
            from,
            to,
            newest_first,
        };
        let wanted = |left: usize| match left {
            0 => 0,
            left if filter.is_open() => left,
            // How many must be read to find these is unknown.
            _ => usize::MAX,
        };
        self.walk(part, walk, wanted(*left), |mark| {
            if filter.admits(&mark) {
                each(mark);
                *left -= 1;
            }
            wanted(*left)
        })
    }

    /// Goes through dead letters until `each` wants no more: it returns how many, as
    /// `wanted` is at first.
    fn walk(
        &self,
        part: &DeadPart,
        walk: DeadWalk,
        mut wanted: usize,
        mut each: impl FnMut(DeadMark) -> usize,
    ) -> Result<()> {
        let mut walk = Some(walk);
        while let Some(ahead) = walk {
            let (marks, next) = self.looking(part, |wire, keys| {
                command::dead_marks(wire, keys, ahead, wanted)
            })?;
            for mark in marks {
                wanted = each(mark);
                if wanted == 0 {
                    return Ok(());
                }
            }
            walk = next;
        }
        Ok(())
    }
}
