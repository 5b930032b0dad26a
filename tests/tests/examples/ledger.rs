//! `ledger`, killed repeatedly.

use std::collections::HashMap;
use std::path::Path;

use stream_tests::{Program, Server, wait_until};
use tempfile::TempDir;

use crate::DEADLINE;

const PAYMENTS: u64 = 1_000;
const KILLS: u64 = 6;

fn ledger(server: &Server, db: &Path, options: &str) -> Program {
    Program::example("ledger")
        .arg("--db")
        .arg(db)
        .args(options.split_whitespace())
        .redis_url(server.url())
}

/// How many entries of a stream its one group has acknowledged, and how many it holds.
fn acknowledged(server: &Server, stream: &str) -> (u64, u64) {
    let groups: Vec<HashMap<String, redis::Value>> = server
        .try_command(&["XINFO", "GROUPS", stream])
        .unwrap_or_default();
    let Some(group) = groups.first() else {
        return (0, 0);
    };
    let number = |field: &str| {
        let value = group
            .get(field)
            .and_then(|value| redis::from_redis_value_ref(value).ok());
        value.unwrap_or(0_u64)
    };
    let pending = number("pending");
    (number("entries-read") - pending, pending)
}

#[test]
fn each_payment_is_booked_once_although_programs_are_killed() {
    let server = Server::start().unwrap();
    let dir = TempDir::new().unwrap();
    let db = dir.path().join("ledger.db");
    let mut connection = server.connect().unwrap();
    let mut pipe = redis::pipe();
    for cents in 1..=PAYMENTS {
        pipe.cmd("XADD").arg("payments").arg("*");
        pipe.arg("account").arg(cents % 10).arg("cents").arg(cents);
    }
    let _: Vec<String> = pipe.query(&mut connection).unwrap();

    let start = || ledger(&server, &db, "--lease-ms 300").spawn();
    let mut programs = vec![start(), start(), start()];
    for kill in 1..=KILLS {
        wait_until(DEADLINE, "some progress", || {
            acknowledged(&server, "bookings").0 >= kill * PAYMENTS / (KILLS + 2)
        });
        let victim = programs.remove(0);
        victim.kill();
        programs.push(start());
    }
    wait_until(DEADLINE, "all to be booked", || {
        acknowledged(&server, "bookings") == (PAYMENTS, 0)
    });
    for program in &programs {
        program.terminate();
        let status = program.wait(DEADLINE);
        assert!(status.success(), "{status}\n{}", program.stderr());
    }
    let shown = ledger(&server, &db, "--show").run(DEADLINE);
    let sum = PAYMENTS * (PAYMENTS + 1) / 2;
    assert_eq!(
        shown.stdout.trim(),
        format!("bookings {PAYMENTS} cents {sum}")
    );
    // One for each payment, although checks were repeated.
    assert_eq!(server.command::<u64>(&["XLEN", "bookings"]), PAYMENTS);
}
