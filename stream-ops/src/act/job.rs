//! The work of a plan, step by step.

use std::collections::VecDeque;

use stream_lib::Result;

use crate::server::Redis;

/// The most entries that one step changes.
pub(super) const STEP: usize = 50;

/// The work of a plan.
pub(super) trait Job: Send {
    /// Does the next step, of at most [`STEP`] entries.
    fn step(&mut self, redis: &Redis) -> Result<Step>;

    /// As [`step`](Self::step), with at most `most` entries if the work can be divided.
    fn step_of(&mut self, redis: &Redis, _most: usize) -> Result<Step> {
        self.step(redis)
    }

    /// Ends unfinished work; no step follows.
    fn cancel(&mut self) -> Result<Step> {
        Ok(Step::default())
    }
}

/// The result of a step.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// The number of changed entries.
    pub(super) done: u64,
    /// The reasons why entries were left alone, and the number for each.
    pub(super) left_alone: Vec<(String, u64)>,
    /// Redis refused the rest with this error line.
    pub(super) refused: Option<String>,
    /// No step follows.
    pub(super) is_last: bool,
}

impl Step {
    pub(super) fn done(done: impl TryInto<u64>) -> Self {
        Self {
            done: done.try_into().unwrap_or(u64::MAX),
            ..Self::default()
        }
    }

    /// Adds entries that were left alone, unless `count` is 0.
    pub(super) fn and_left(mut self, why: impl Into<String>, count: impl TryInto<u64>) -> Self {
        let count = count.try_into().unwrap_or(u64::MAX);
        if count > 0 {
            self.left_alone.push((why.into(), count));
        }
        self
    }

    /// The number of entries that the step looked at.
    pub(super) fn handled(&self) -> u64 {
        let left: u64 = self.left_alone.iter().map(|(_, count)| count).sum();
        self.done + left
    }

    pub(super) fn last_if(mut self, is_last: bool) -> Self {
        self.is_last = is_last;
        self
    }
}

/// Work of a single step.
pub(super) struct Once<F>(Option<F>);

impl<F: FnOnce(&Redis) -> Result<Step> + Send + 'static> Once<F> {
    pub(super) fn job(act: F) -> Box<dyn Job> {
        Box::new(Self(Some(act)))
    }
}

impl<F: FnOnce(&Redis) -> Result<Step> + Send> Job for Once<F> {
    fn step(&mut self, redis: &Redis) -> Result<Step> {
        match self.0.take() {
            Some(act) => Ok(act(redis)?.last_if(true)),
            None => Ok(Step::default().last_if(true)),
        }
    }
}

/// Work on many things, some of them per step.
pub(super) struct InSteps<T, F> {
    left: VecDeque<T>,
    act: F,
}

impl<T, F> InSteps<T, F>
where
    T: Send + 'static,
    F: FnMut(&Redis, &[T]) -> Result<Step> + Send + 'static,
{
    pub(super) fn job(all: impl IntoIterator<Item = T>, act: F) -> Box<dyn Job> {
        let left = all.into_iter().collect();
        Box::new(Self { left, act })
    }
}

impl<T, F> Job for InSteps<T, F>
where
    T: Send,
    F: FnMut(&Redis, &[T]) -> Result<Step> + Send,
{
    fn step(&mut self, redis: &Redis) -> Result<Step> {
        self.step_of(redis, STEP)
    }

    fn step_of(&mut self, redis: &Redis, most: usize) -> Result<Step> {
        let count = self.left.len().min(most.clamp(1, STEP));
        let some: Vec<T> = self.left.drain(..count).collect();
        if some.is_empty() {
            return Ok(Step::default().last_if(true));
        }
        let step = (self.act)(redis, &some)?;
        Ok(step.last_if(self.left.is_empty()))
    }
}
