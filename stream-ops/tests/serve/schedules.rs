//! Schedules of all streams on one page.

use std::time::Duration;

use serde_json::Value;
use stream_lib::{Cron, StreamConfig, StreamManager, StreamMessage};
use stream_ops::serve::Role;
use stream_tests::{Server, wait_until};

use crate::support::{Answer, Fixture, LONG, with_schema};

#[derive(StreamMessage)]
struct Report {
    day: String,
    #[stream(sensitive)]
    secret: String,
}

impl Report {
    fn of(day: &str) -> Self {
        Self {
            day: day.to_owned(),
            secret: "s3cret".to_owned(),
        }
    }
}

/// Two streams with a scheduled message each, and a job on one of them.
fn with_schedules() -> Server {
    let server = Server::start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    for stream in ["reports", "mails"] {
        // A stream without entries is found by its key.
        server.command::<String>(&["XGROUP", "CREATE", stream, "desk", "0", "MKSTREAM"]);
        let producer = manager
            .create_simple_producer(stream, StreamConfig::new(stream))
            .unwrap();
        producer
            .typed::<Report>()
            .with(&Report::of("monday"))
            .after(Duration::from_secs(3_600))
            .add()
            .unwrap();
        with_schema(&server, stream);
    }
    let nightly = Cron::parse("0 3 * * *").unwrap();
    manager
        .cron_to("reports", "nightly", nightly, || Report::of("today"))
        .unwrap();
    manager.shutdown();
    server
}

fn confirm(fixture: &Fixture, question: &Answer) {
    let nonce = question.input("nonce").expect("a nonce");
    let done = fixture.post("/confirm", &format!("nonce={nonce}"));
    assert_eq!(done.status, 303, "{}", done.body);
}

fn json(fixture: &Fixture) -> Value {
    let answer = fixture.get("/schedules.json");
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str::<Value>(&answer.body).unwrap()["facts"].clone()
}

#[test]
fn all_schedules_are_on_one_page_with_what_can_be_done() {
    let fixture = Fixture::on(with_schedules(), Some(Role::Admin), |_| {});
    wait_until(LONG, "both streams", || {
        let page = fixture.get("/schedules").body;
        page.contains("1 job, 2 scheduled messages, of 2 streams")
    });
    let page = fixture.get("/schedules").body;
    for words in [
        "nightly",
        "0 3 * * *",
        "in 59 min",
        "Pause…",
        "Run now…",
        "Cancel…",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        page.contains("monday") && !page.contains("s3cret"),
        "{page}"
    );
    let facts = json(&fixture);
    assert_eq!(facts["scheduled_count"], 2);
    assert_eq!(facts["jobs"][0]["state"], "on");
    let due = facts["scheduled"][0]["due"].as_str().unwrap();
    assert!(due.contains('T') && due.ends_with('Z'), "{due}");

    // A job is paused, and resumed.
    let job = "stream=reports&job=nightly";
    let question = fixture.post("/change", &format!("do=pause-job&{job}"));
    assert!(
        question.body.contains("Pause nightly?"),
        "{}",
        question.body
    );
    assert_eq!(
        json(&fixture)["jobs"][0]["state"],
        "on",
        "asking has changed something"
    );
    confirm(&fixture, &question);
    assert_eq!(json(&fixture)["jobs"][0]["state"], "paused");
    let page = fixture.get("/schedules").body;
    assert!(
        page.contains("paused by somebody") && page.contains("Resume…"),
        "{page}"
    );
    confirm(
        &fixture,
        &fixture.post("/change", &format!("do=resume-job&{job}")),
    );
    assert_eq!(json(&fixture)["jobs"][0]["state"], "on");

    // One message is added now, the other one is cancelled.
    let form = |what: &str, stream: &str| {
        let facts = json(&fixture);
        let all = facts["scheduled"].as_array().unwrap();
        let one = all.iter().find(|one| one["stream"] == stream).unwrap();
        let id = one["id"].as_str().unwrap();
        format!("do={what}&stream={stream}&scheduled={id}")
    };
    let run = form("run-scheduled", "reports");
    let cancel = form("cancel-scheduled", "mails");
    confirm(&fixture, &fixture.post("/change", &run));
    let added: u64 = fixture.server.command(&["XLEN", "reports"]);
    assert_eq!(added, 1);
    confirm(&fixture, &fixture.post("/change", &cancel));
    let left: u64 = fixture.server.command(&["ZCARD", "{mails}:due"]);
    assert_eq!(left, 0);
    let again = fixture.post("/change", &cancel);
    assert_eq!(again.input("nonce"), None, "{}", again.body);
}

#[test]
fn a_job_is_run_now_by_a_process_that_has_it() {
    let server = with_schedules();
    let manager = StreamManager::connect(server.url()).unwrap();
    let nightly = Cron::parse("0 3 * * *").unwrap();
    manager
        .cron_to("reports", "nightly", nightly, || Report::of("today"))
        .unwrap();
    let fixture = Fixture::on(server, Some(Role::Retry), |_| {});
    let form = "do=run-job&stream=reports&job=nightly";
    wait_until(LONG, "the job", || {
        fixture.get("/schedules").body.contains("nightly")
    });
    let question = fixture.post("/change", form);
    assert!(
        question.body.contains("Run nightly now?") && question.body.contains("cron run-now"),
        "{}",
        question.body
    );
    let length = || fixture.server.command::<u64>(&["XLEN", "reports"]);
    assert_eq!(length(), 0, "asking has run it");
    confirm(&fixture, &question);
    wait_until(LONG, "the message of the job", || length() == 1);
    manager.shutdown();
}

#[test]
fn roles_decide_what_is_offered() {
    let fixture = Fixture::on(with_schedules(), Some(Role::Retry), |_| {});
    wait_until(LONG, "the schedules", || {
        fixture.get("/schedules").body.contains("nightly")
    });
    let page = fixture.get("/schedules").body;
    assert!(
        page.contains("Run now…") && !page.contains("Cancel…"),
        "{page}"
    );
    let fixture = Fixture::on(with_schedules(), None, |_| {});
    wait_until(LONG, "the schedules", || {
        fixture.get("/schedules").body.contains("nightly")
    });
    let page = fixture.get("/schedules").body;
    assert!(
        !page.contains("Pause…") && !page.contains("Run now…") && page.contains("--allow retry"),
        "{page}"
    );
}
