//! Recurring jobs: paused, resumed, and run now.

use std::process::Stdio;
use std::time::Duration;

use stream_lib::{Cron, RawMessage, StreamManager, StreamMessage};
use stream_tests::{Server, wait_until};

use crate::support::{digest, run, send, streamctl};

#[derive(Debug, StreamMessage)]
#[stream(name = "secrets")]
struct Secret {
    #[stream(sensitive)]
    pin: String,
}

/// A process with a job that is due at night.
pub(crate) fn process(server: &Server) -> StreamManager {
    let manager = StreamManager::connect(server.url()).unwrap();
    let daily = Cron::parse("@daily").unwrap();
    manager
        .cron_to("orders", "nightly", daily, || {
            RawMessage::new().with("a", "b")
        })
        .unwrap();
    manager
}

#[test]
fn a_job_is_run_once_by_a_process_that_has_it() {
    let server = Server::start().unwrap();
    let _manager = process(&server);
    let job = || run(&server, "cron ls orders -o json").json()["jobs"][0].clone();
    let (known, before) = (job(), digest(&server));
    let ran = run(&server, "cron run-now orders nightly").ended(0);
    let would = "Would run the job `nightly` of `orders` now, once: a process that has it adds the \
                 message of this moment.\nIts regular times stay as they are.\n";
    assert!(ran.out.starts_with(would), "{}", ran.out);
    assert!(ran.out.ends_with("the same with --yes\n"), "{}", ran.out);
    assert_eq!(digest(&server), before);
    let ran = run(&server, "cron run-now orders nightly --wait 5m --yes").ended(0);
    assert!(
        ran.out.ends_with("Ran the job `nightly` of `orders`.\n"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 1);
    assert_eq!(job(), known);
    let audit = run(&server, "audit -o json").json();
    assert_eq!(audit["changes"][0]["action"], "cron run-now");
    // A paused job runs, too, and stays paused.
    run(&server, "cron pause orders nightly --yes").ended(0);
    let json = run(
        &server,
        "cron run-now orders nightly --wait 5m --yes -o json",
    );
    let json = json.ended(0).json();
    assert_eq!(
        (&json["done"], &json["plan"][1]),
        (&1.into(), &"It is paused, and stays so.".into())
    );
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 2);
    assert_eq!(job()["state"], "paused");
    run(&server, "cron run-now orders weekly --yes").ended(5);
    run(&server, "cron run-now nothing nightly --yes").ended(5);
    run(&server, "cron run-now orders nightly --wait soon").ended(2);
}

#[test]
fn a_run_that_no_process_takes_is_withdrawn() {
    let server = Server::start().unwrap();
    drop(process(&server));
    let request = "{orders}:lock:run:nightly";
    let ran = run(&server, "cron run-now orders nightly --wait 1s --yes").ended(1);
    assert!(
        ran.out
            .ends_with("Ran 0 of 1 job; 1 was not: no process that has it answered within 1 s.\n"),
        "{}",
        ran.out
    );
    assert_eq!(server.command::<u64>(&["EXISTS", request]), 0);
    // An interrupted run is withdrawn, too.
    let child = streamctl(&server)
        .args(["cron", "run-now", "orders", "nightly", "--wait", "1h"])
        .arg("--yes")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until(Duration::from_secs(60), "the request", || {
        server.command::<u64>(&["EXISTS", request]) == 1
    });
    let pid = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.ends_with("Interrupted. Ran 0 of 1 job. The rest is as it was.\n"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(server.command::<u64>(&["EXISTS", request]), 0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 0);
}

#[test]
fn a_run_whose_message_cant_be_made_says_why() {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    let daily = || Cron::parse("@daily").unwrap();
    let panics = || -> RawMessage { panic!("no stock \u{1b}[31m at all") };
    manager
        .cron_to("orders", "panics", daily(), panics)
        .unwrap();
    let wrong = || RawMessage::new().with("~origin", "b");
    manager.cron_to("orders", "wrong", daily(), wrong).unwrap();
    let secret = || -> Secret { panic!("4711 is no pin") };
    manager
        .cron_to("orders", "secret", daily(), secret)
        .unwrap();
    let good = || RawMessage::new().with("a", "b");
    manager.cron_to("orders", "good", daily(), good).unwrap();
    let run_now = |job: &str| {
        let ran = run(
            &server,
            &format!("cron run-now orders {job} --wait 5m --yes"),
        );
        let ran = ran.ended(1);
        let (_, said) = ran.out.split_once("Ran 0 of 1 job; 1 failed: ").unwrap();
        assert!(!said.contains('\u{1b}'), "{said}");
        said.to_owned()
    };
    let said = run_now("panics");
    assert!(said.contains("panicked: no stock"), "{said}");
    let said = run_now("wrong");
    assert!(said.contains("~origin"), "{said}");
    let said = run_now("secret");
    assert!(
        said.contains("sensitive fields") && !said.contains("4711"),
        "{said}"
    );
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 0);
    // The next request is answered as any other.
    run_now("panics");
    run(&server, "cron run-now orders good --wait 5m --yes").ended(0);
    assert_eq!(server.command::<u64>(&["XLEN", "orders"]), 1);
}

#[test]
fn the_help_says_that_jobs_are_run_now() {
    let server = Server::start().unwrap();
    let help = run(&server, "--help").ended(0).out;
    let line = help.lines().find(|line| line.trim().starts_with("cron "));
    let line = line.unwrap();
    for word in ["Lists", "pauses", "resumes", "runs one now"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn streams_with_schedules_alone_are_shown() {
    let server = Server::start().unwrap();
    let _manager = process(&server);
    send(&server, &["ZADD", "{later}:due", "9999999999999", "x"]);
    for words in ["stream ls -o json", "overview -o json"] {
        let shown = run(&server, words).ended(0).json();
        let names: Vec<_> = shown["streams"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stream| stream["stream"].as_str().unwrap_or_default().to_owned())
            .collect();
        assert!(
            names.contains(&"orders".to_owned()) && names.contains(&"later".to_owned()),
            "{words}: {shown}"
        );
    }
}

#[test]
fn jobs_are_paused_and_resumed() {
    let server = Server::start().unwrap();
    let _manager = process(&server);
    let state = || run(&server, "cron ls orders -o json").json()["jobs"][0]["state"].clone();
    let before = digest(&server);
    run(&server, "cron pause orders nightly").ended(0);
    assert_eq!((state(), digest(&server) == before), ("on".into(), true));
    let ran = run(&server, "cron pause orders nightly --yes").ended(0);
    assert!(
        ran.out.ends_with("Paused the job `nightly` of `orders`.\n"),
        "{}",
        ran.out
    );
    assert_eq!(state(), "paused");
    let ran = run(&server, "cron pause orders nightly --yes").ended(0);
    assert!(ran.out.starts_with("It is paused already"), "{}", ran.out);
    run(&server, "cron resume orders nightly --yes").ended(0);
    assert_eq!(state(), "on");
    run(&server, "cron resume orders weekly").ended(5);
}
