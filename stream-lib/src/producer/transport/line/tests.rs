//! The line, with callers of every kind.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const LONG: Duration = Duration::from_secs(120);

fn led<J, A>(turn: Joined<'_, J, A>) -> (J, Lead<'_, J, A>) {
    match turn {
        Joined::Lead(job, lead) => (job, lead),
        _ => panic!("somebody else leads"),
    }
}

fn waiting<J, A>(line: &Line<J, A>) -> usize {
    line.state.lock().waiting.len()
}

fn leaders<J, A>(line: &Line<J, A>) -> usize {
    line.state.lock().leaders
}

fn spin_until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "waited too long");
        thread::yield_now();
    }
}

#[test]
fn who_comes_alone_leads_at_once() {
    let line = Line::<_, ()>::new(1);
    for job in 0..3 {
        let (own, mut lead) = led(line.join(job, Instant::now()));
        assert_eq!(own, job);
        assert!(lead.take(|_| true).is_empty());
        lead.finish([]);
    }
    assert_eq!(leaders(&line), 0);
}

#[test]
fn each_caller_gets_its_own_answer_and_the_rest_gets_the_lead() {
    let line = Line::new(1);
    thread::scope(|scope| {
        let (_, mut lead) = led(line.join(0, Instant::now()));
        let callers: Vec<_> = (1..=3)
            .map(|job| {
                let line = &line;
                let caller = scope.spawn(move || line.join(job, Instant::now() + LONG));
                spin_until(|| waiting(line) == job);
                caller
            })
            .collect();
        assert_eq!(lead.take(|job| *job < 3), [1, 2]);
        lead.finish(["one", "two"]);
        let turns: Vec<_> = callers.into_iter().map(|c| c.join().unwrap()).collect();
        assert!(matches!(
            &turns[..],
            [Joined::Done("one"), Joined::Done("two"), Joined::Lead(3, _)]
        ));
    });
    assert_eq!(leaders(&line), 0);
}

#[test]
fn who_is_late_has_its_job_back() {
    let line = Line::<_, ()>::new(1);
    let (_, lead) = led(line.join(0, Instant::now()));
    assert!(matches!(line.join(1, Instant::now()), Joined::Late(1)));
    assert_eq!(waiting(&line), 0);
    drop(lead);
    assert_eq!(leaders(&line), 0);
}

#[test]
fn who_is_late_while_a_leader_has_its_job_leaves_it_there() {
    let line = Line::<_, &str>::new(1);
    thread::scope(|scope| {
        let (_, mut lead) = led(line.join(0, Instant::now() + LONG));
        let hurried = scope.spawn(|| line.join(1, Instant::now() + Duration::from_millis(20)));
        spin_until(|| !lead.take(|_| true).is_empty());
        // The leader doesn't answer until the caller has gone.
        assert!(matches!(hurried.join().unwrap(), Joined::Untold));
        lead.finish(["nobody reads it"]);
    });
    assert_eq!((waiting(&line), leaders(&line)), (0, 0));
    drop(led(line.join(2, Instant::now())));
}

#[test]
fn panic_of_a_leader_hangs_nobody() {
    let line = Line::<_, ()>::new(1);
    thread::scope(|scope| {
        let (_, mut lead) = led(line.join(0, Instant::now()));
        let callers = [1, 2].map(|job| {
            let line = &line;
            let caller = scope.spawn(move || line.join(job, Instant::now() + LONG));
            spin_until(|| waiting(line) == job);
            caller
        });
        let panicked = scope.spawn(move || {
            lead.take(|job| *job == 1);
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        assert!(panicked.join().is_err());
        let [taken, next] = callers.map(|c| c.join().unwrap());
        assert!(matches!(taken, Joined::Lost));
        assert!(matches!(next, Joined::Lead(2, _)));
    });
}

/// Every job is done once, or comes back, whatever the timing.
#[test]
fn storm_of_callers_loses_no_job_and_no_wake_up() {
    const CALLERS: usize = 16;
    const JOBS: usize = 3_000;
    for most_leaders in [1, 2, 3] {
        let line = Line::new(most_leaders);
        let (at_once, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for caller in 0..CALLERS {
                let (line, at_once, done) = (&line, &at_once, &done);
                scope.spawn(move || {
                    for number in 0..JOBS {
                        let job = caller * JOBS + number;
                        // Some are in a hurry.
                        let patience = match number % 7 {
                            0 => Duration::from_micros(number as u64 % 50),
                            _ => LONG,
                        };
                        match line.join(job, Instant::now() + patience) {
                            Joined::Lead(own, mut lead) => {
                                assert_eq!(own, job);
                                assert!(at_once.fetch_add(1, Ordering::SeqCst) < most_leaders);
                                // Lets others come meanwhile.
                                thread::yield_now();
                                let mut room = 1 + number % 20;
                                let jobs = lead.take(|_| {
                                    room -= 1;
                                    room > 0
                                });
                                at_once.fetch_sub(1, Ordering::SeqCst);
                                // Callers without an answer are told that their job was
                                // lost.
                                let answered =
                                    jobs.len() - usize::from(number % 11 == 0 && !jobs.is_empty());
                                lead.finish(jobs.into_iter().take(answered));
                            }
                            Joined::Done(answer) => {
                                assert_eq!(answer, job);
                                done.fetch_add(1, Ordering::SeqCst);
                            }
                            Joined::Late(own) => assert_eq!(own, job),
                            Joined::Lost => {}
                            // A leader had it when the caller lost patience.
                            Joined::Untold => assert_ne!(patience, LONG),
                        }
                    }
                });
            }
        });
        assert_eq!((waiting(&line), leaders(&line)), (0, 0));
        assert!(done.into_inner() > 0, "nobody has waited");
    }
}
