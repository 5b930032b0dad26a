//! The script that takes turns, against the arithmetic in Rust.

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use redis::{Connection, Script};
use stream_tests::Server;

const TAKE_TURNS: &str = concat!(
    "#!lua flags=allow-oom\n",
    include_str!("../../../../stream-lib/src/command/scripts/take_turns.lua")
);

/// A rate, all in µs.
#[derive(Debug, Clone, Copy)]
struct Rate {
    interval: i64,
    burst: i64,
    ahead: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    turns: i64,
    first: i64,
    wait: i64,
}

impl Rate {
    /// Takes turns at `now`. `even` is when all turns so far would have begun, had they
    /// come evenly; 0 where there were none.
    fn take(self, even: &mut i64, want: i64, now: i64) -> Answer {
        let Self {
            interval,
            burst,
            ahead,
        } = self;
        let latest = now + burst * interval + ahead + interval;
        let is_beyond = *even > latest;
        let from = if is_beyond {
            now + burst * interval
        } else {
            *even
        }
        .max(now);
        let fit = (now + ahead + burst * interval - from).div_euclid(interval);
        let turns = want.min(fit).max(0);
        let first = from + interval - burst * interval - now;
        if turns > 0 || is_beyond {
            *even = from + turns * interval;
        }
        if turns > 0 {
            Answer {
                turns,
                first,
                wait: 0,
            }
        } else {
            Answer {
                turns: 0,
                first: 0,
                wait: first - ahead,
            }
        }
    }
}

/// The script's answer, and the time at which it was given.
fn take(connection: &mut Connection, rate: Rate, want: i64) -> (Answer, i64) {
    let script = Script::new(TAKE_TURNS);
    let mut call = script.prepare_invoke();
    call.key("rate").key("hold");
    call.arg(rate.interval)
        .arg(rate.burst)
        .arg(want)
        .arg(rate.ahead);
    let (turns, first, wait, now, hold): (i64, i64, i64, i64, String) =
        call.invoke(connection).unwrap();
    assert_eq!(hold, "");
    (Answer { turns, first, wait }, now)
}

#[test]
fn script_counts_as_the_arithmetic_does() {
    let server = Server::start().unwrap();
    let connection = RefCell::new(server.connect().unwrap());
    let rates = (1_i64..200_000, 1_i64..50, 0_i64..3_000_000);
    // Now and then the clock is set: the time that the key holds is another one.
    let steps = proptest::collection::vec(
        (1_i64..40, prop::option::weighted(0.1, any::<i32>())),
        1..60,
    );
    let config = Config {
        cases: 120,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new(config);
    runner
        .run(&(rates, steps), |((interval, burst, ahead), steps)| {
            let connection = &mut *connection.borrow_mut();
            let rate = Rate {
                interval,
                burst,
                ahead,
            };
            redis::cmd("DEL").arg("rate").exec(connection).unwrap();
            let mut even = 0;
            for (want, step) in steps {
                if let (Some(step), true) = (step, even > 0) {
                    even += i64::from(step) * 10;
                    redis::cmd("SET")
                        .arg("rate")
                        .arg(even)
                        .exec(connection)
                        .unwrap();
                }
                let (answer, now) = take(connection, rate, want);
                // The key lapses a second after it says nothing any more.
                let expected = rate.take(&mut even, want, now);
                prop_assert_eq!(answer, expected);
                let stands: Option<i64> = redis::cmd("GET").arg("rate").query(connection).unwrap();
                prop_assert_eq!(stands.unwrap_or(even), even);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn group_that_is_held_has_no_turns() {
    let server = Server::start().unwrap();
    let mut connection = server.connect().unwrap();
    let (seconds, _): (i64, i64) = redis::cmd("TIME").query(&mut connection).unwrap();
    let hold = format!("{}000 a test", seconds + 100);
    redis::cmd("SET")
        .arg("hold")
        .arg(&hold)
        .exec(&mut connection)
        .unwrap();
    let script = Script::new(TAKE_TURNS);
    let mut call = script.prepare_invoke();
    call.key("rate").key("hold").arg(&[1_000, 1, 5, 0]);
    let (turns, _, wait, _, held): (i64, i64, i64, i64, String) =
        call.invoke(&mut connection).unwrap();
    assert_eq!((turns, held), (0, hold));
    assert!(wait > 90_000_000 && wait <= 101_000_000, "{wait}");
    assert_eq!(
        redis::cmd("EXISTS")
            .arg("rate")
            .query::<u8>(&mut connection)
            .unwrap(),
        0
    );
}
