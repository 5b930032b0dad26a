//! Recurring jobs: random processes that die, lose answers and are replaced by newer
//! ones, while the clock moves.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::Rig;
use crate::command::{
    Extras, JobAnswer, JobCall, JobOutcome, JobState, Outgoing, StoredJob, Tick, stored_jobs,
};
use crate::connection::Wire;
use crate::message::RawMessage;

const NAME: &str = "report";
const PROCESSES: usize = 3;
const MINUTE: u64 = 60_000;

/// A schedule as its period in minutes: simple enough to be computed a second time.
const PERIODS: [u64; 3] = [1, 2, 5];

/// Rules behind it, as an earlier version left them out.
const RULES: [&str; 3] = ["", "|once|", "|all:3|some|group"];

#[derive(Debug, Clone)]
enum Step {
    Move(i64),
    Declare {
        process: usize,
        period: usize,
        rules: usize,
        revision: u64,
    },
    Tick {
        process: usize,
        is_lost: bool,
        all: bool,
    },
    Die(usize),
    Change(u8),
}

fn step(longest_back: i64) -> impl Strategy<Value = Step> {
    let minute = MINUTE.cast_signed();
    prop_oneof![
        3 => (0..3 * minute).prop_map(Step::Move),
        1 => (-longest_back..=0).prop_map(Step::Move),
        2 => (0..PROCESSES, 0..PERIODS.len(), 0..RULES.len(), 0..3_u64).prop_map(
            |(process, period, rules, revision)| Step::Declare {
                process, period, rules, revision
            }
        ),
        10 => (0..PROCESSES, prop::bool::weighted(0.2), any::<bool>()).prop_map(
            |(process, is_lost, all)| Step::Tick { process, is_lost, all }
        ),
        1 => (0..PROCESSES).prop_map(Step::Die),
        1 => (0..6_u8).prop_map(Step::Change),
    ]
}

/// The state of the job that a process knows.
#[derive(Debug, Clone)]
struct Known {
    last: u64,
    terms: String,
}

fn terms(period: usize, rules: usize) -> String {
    format!("*/{} * * * * UTC{}", PERIODS[period], RULES[rules])
}

fn schedule(terms: &str) -> &str {
    terms.split('|').next().unwrap()
}

/// The ticks in a span, oldest first.
fn ticks(terms: &str, after: u64, until: u64, most: usize) -> Vec<u64> {
    let digits: String = schedule(terms)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    let period = digits.parse::<u64>().unwrap() * MINUTE;
    // Each period divides the hour, and so the time since 1970.
    let all: Vec<_> = (after / period + 1..=until / period)
        .map(|n| n * period)
        .collect();
    let begin = all.len().saturating_sub(most);
    all[begin..].to_vec()
}

struct Model<'r> {
    rig: &'r mut Rig,
    now: u64,
    latest: u64,
    /// The furthest that the clock is ever set back.
    longest_back: u64,
    processes: [Option<Known>; PROCESSES],
    job: Option<StoredJob>,
    fired: Vec<u64>,
    batch: Outgoing,
}

impl<'r> Model<'r> {
    fn new(rig: &'r mut Rig, longest_back: u64) -> Self {
        rig.ask::<()>(&["FLUSHALL"]);
        let mut batch = Outgoing::default();
        let message = RawMessage::new().with("kind", "nightly");
        batch.push(&message, &Extras::NONE).unwrap();
        Self {
            rig,
            now: 1_700_000_000_000,
            latest: 0,
            longest_back,
            processes: [const { None }; PROCESSES],
            job: None,
            fired: Vec::new(),
            batch,
        }
    }

    fn call<T>(&mut self, call: impl FnOnce(JobCall<'_>, &mut Wire) -> T) -> T {
        let job = JobCall {
            keys: &self.rig.keys,
            name: NAME,
            now: Some(self.now),
        };
        call(job, &mut self.rig.wire)
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Move(by) => {
                let latest = self.latest.max(self.now);
                let now = self.now.saturating_add_signed(by);
                self.now = now.max(latest.saturating_sub(self.longest_back));
                self.latest = latest.max(self.now);
            }
            Step::Declare {
                process,
                period,
                rules,
                revision,
            } => self.declare(process, (period, rules), revision)?,
            Step::Tick {
                process,
                is_lost,
                all,
            } => self.tick(process, is_lost, all)?,
            Step::Die(process) => self.processes[process] = None,
            Step::Change(to) => self.change(to)?,
        }
        let keys = self.rig.keys.clone();
        let stored = stored_jobs(&mut self.rig.wire, &keys).unwrap();
        prop_assert_eq!(stored.first().map(|(_, job)| job), self.job.as_ref());
        Ok(())
    }

    fn declare(
        &mut self,
        process: usize,
        (period, rules): (usize, usize),
        revision: u64,
    ) -> Result<(), TestCaseError> {
        let text = terms(period, rules);
        let answer = self.call(|job, wire| job.declare(wire, &text, revision).unwrap());
        let now = self.now;
        let expected = match &mut self.job {
            None => {
                self.job = Some(StoredJob {
                    last: now,
                    revision,
                    state: JobState::On,
                    terms: text,
                });
                JobOutcome::New
            }
            Some(job) if job.state == JobState::Removed && job.revision >= revision => {
                JobOutcome::Removed
            }
            Some(job) if job.revision > revision => JobOutcome::Stale,
            Some(job) => {
                let is_back = job.state == JobState::Removed;
                let is_other = job.terms != text || is_back;
                let begins = schedule(&job.terms) != schedule(&text) || is_back;
                if begins && !(now..=now + MINUTE).contains(&job.last) {
                    job.last = now;
                }
                job.revision = revision;
                job.terms = text;
                match job.state {
                    JobState::Paused => JobOutcome::Paused,
                    _ if is_other => {
                        job.state = JobState::On;
                        JobOutcome::Changed
                    }
                    _ => JobOutcome::Same,
                }
            }
        };
        prop_assert_eq!(answer.outcome, expected);
        self.learn(process, &answer);
        Ok(())
    }

    fn tick(&mut self, process: usize, is_lost: bool, all: bool) -> Result<(), TestCaseError> {
        let Some(known) = self.processes[process].clone() else {
            return self.declare(process, (0, 0), 0);
        };
        let most = if all { 3 } else { 1 };
        let fire = ticks(&known.terms, known.last, self.now, most);
        let is_ahead = known.last > self.now + MINUTE;
        let Some(to) = fire.last().copied().or(is_ahead.then_some(known.last)) else {
            return Ok(());
        };
        let batch = self.batch.clone();
        let tick = Tick {
            known: Some((&known.terms, known.last)),
            request: None,
            no_overlap: None,
            last: to,
            times: &fire,
        };
        let answer = self.call(|job, wire| job.tick(wire, tick, &batch).unwrap());
        let now = self.now;
        let expected = match &mut self.job {
            None => JobOutcome::Gone,
            Some(job) if job.state == JobState::Removed => JobOutcome::Removed,
            Some(job) if job.state == JobState::Paused => JobOutcome::Paused,
            Some(job) if job.terms != known.terms => JobOutcome::Changed,
            Some(job) if job.last > now + MINUTE => {
                job.last = now;
                JobOutcome::ClockBack
            }
            Some(job) if job.last != known.last => JobOutcome::Had,
            Some(_) if to > now => JobOutcome::Early,
            Some(job) => {
                job.last = to;
                self.fired.extend(&fire);
                JobOutcome::Ticked
            }
        };
        prop_assert_eq!(answer.outcome, expected);
        if !is_lost {
            self.learn(process, &answer);
        }
        Ok(())
    }

    fn change(&mut self, to: u8) -> Result<(), TestCaseError> {
        let state = match to {
            0 => JobState::Removed,
            1 | 2 => JobState::Paused,
            _ => JobState::On,
        };
        let found = self.call(|job, wire| job.change(wire, state).unwrap());
        let now = self.now;
        let job = self.job.as_mut();
        let is_there =
            |job: &&mut StoredJob| job.state != JobState::Removed || state != JobState::Paused;
        let Some(job) = job.filter(is_there) else {
            prop_assert!(!found);
            return Ok(());
        };
        prop_assert!(found);
        let begins = state == JobState::On && job.state != JobState::On;
        if begins && !(now..=now + MINUTE).contains(&job.last) {
            job.last = now;
        }
        job.state = state;
        Ok(())
    }

    fn learn(&mut self, process: usize, answer: &JobAnswer) {
        self.processes[process] = Some(Known {
            last: answer.last,
            terms: answer.terms.clone(),
        });
    }

    fn compare_streams(&mut self, is_strict: bool) -> Result<(), TestCaseError> {
        let entries: Vec<(String, BTreeMap<String, String>)> =
            self.rig.ask(&["XRANGE", "orders", "-", "+"]);
        let found: Vec<u64> = entries
            .iter()
            .map(|(_, fields)| fields["~tick"].parse().unwrap())
            .collect();
        prop_assert_eq!(&found, &self.fired);
        if is_strict {
            prop_assert!(found.is_sorted_by(|a, b| a < b), "{:?}", found);
        }
        for (_, fields) in &entries {
            prop_assert_eq!(&fields["kind"], "nightly");
            prop_assert_eq!(&fields["~cron"], NAME);
        }
        Ok(())
    }
}

fn run(longest_back: u64, is_strict: bool) {
    let Some(rig) = Rig::start() else { return };
    let rig = RefCell::new(rig);
    let config = Config {
        cases: 60,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(longest_back.cast_signed()), 100..300);
    let ran = TestRunner::new(config).run(&steps, |steps| {
        let mut rig = rig.borrow_mut();
        let mut model = Model::new(&mut rig, longest_back);
        steps.iter().try_for_each(|step| model.take(step))?;
        model.compare_streams(is_strict)
    });
    if let Err(e) = ran {
        panic!("{e}");
    }
}

#[test]
fn ticks_come_once_and_in_order_while_the_clock_steps_back_by_less_than_a_minute() {
    run(MINUTE - 1, true);
}

#[test]
fn jobs_are_as_a_model_has_them_whatever_the_clock_does() {
    run(20 * MINUTE, false);
}
