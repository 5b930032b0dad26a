//! Programs as processes: output, signals, and their end.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use stream_tests::{Process, Program};

use crate::DEADLINE;

const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;

fn shell(script: &str) -> Program {
    Program::at("/bin/sh").args(["-c", script])
}

/// A shell that says when it is ready, and then does nothing.
fn idle() -> Process {
    let process = shell("echo ready; read -r _ < /dev/zero").spawn();
    process.wait_for_output(DEADLINE, "ready");
    process
}

#[test]
fn output_and_exit_status_are_caught() {
    let finished = shell("echo out; echo err >&2; exit 3").run(DEADLINE);
    assert_eq!(finished.status.code(), Some(3));
    assert_eq!(finished.stdout, "out\n");
    assert_eq!(finished.stderr, "err\n");
}

#[test]
fn the_server_comes_from_the_test_and_from_nowhere_else() {
    let print = r#"echo "${REDIS_URL-none} ${REDIS_ADDR-none} ${EXTRA-none}""#;
    assert_eq!(shell(print).run(DEADLINE).stdout, "none none none\n");
    let finished = shell(print)
        .redis_url("redis://127.0.0.1:1/0")
        .env("EXTRA", "more")
        .run(DEADLINE);
    assert_eq!(finished.stdout, "redis://127.0.0.1:1/0 none more\n");
}

#[test]
fn signals_end_a_program() {
    for number in [SIGTERM, SIGINT, SIGKILL] {
        if number == SIGINT && is_ignored_here(number) {
            continue;
        }
        let process = idle();
        match number {
            SIGTERM => process.terminate(),
            SIGINT => process.interrupt(),
            _ => process.kill(),
        }
        assert_eq!(process.wait(DEADLINE).signal(), Some(number));
        assert!(!process.is_running());
        // To one that has ended, a signal is nothing.
        process.terminate();
    }
}

/// What runs in the background of a script ignores SIGINT, and so do the
/// programs that it starts.
fn is_ignored_here(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[test]
fn a_trapped_signal_lets_a_program_end_in_order() {
    let process = shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do :; done").spawn();
    process.wait_for_output(DEADLINE, "ready");
    process.terminate();
    assert_eq!(process.wait(DEADLINE), ExitStatus::default());
    assert_eq!(process.stdout(), "ready\nbye\n");
}

#[test]
fn a_frozen_program_takes_a_signal_when_it_is_thawed() {
    let process = idle();
    process.freeze();
    process.terminate();
    assert!(process.is_running());
    process.thaw();
    assert_eq!(process.wait(DEADLINE).signal(), Some(SIGTERM));
}

#[test]
#[should_panic(expected = "still runs after")]
fn a_program_that_outlives_its_deadline_fails_the_test() {
    idle().wait(Duration::from_millis(10));
}

#[test]
#[should_panic(expected = "ended without printing \"never\"")]
fn a_program_that_ends_without_the_awaited_output_fails_the_test() {
    shell("echo other")
        .spawn()
        .wait_for_output(DEADLINE, "never");
}

#[test]
#[should_panic(expected = "no example `no-such-example`")]
fn an_example_that_does_not_exist_fails_the_test() {
    let _ = Program::example("no-such-example");
}
