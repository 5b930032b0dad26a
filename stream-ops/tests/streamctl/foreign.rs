//! Streams that this library has never touched.

use stream_tests::Server;

use crate::support::{bare, digest, now_ms, run, run_words, script, send};

#[test]
fn streams_of_others_are_seen_as_far_as_redis_tells() {
    let server = Server::start().unwrap();
    // As redis-py and node clients write: consumers without signs of life.
    send(
        &server,
        &["XGROUP", "CREATE", "jobs", "py", "0", "MKSTREAM"],
    );
    for n in 0..20 {
        send(
            &server,
            &["XADD", "jobs", "*", "payload", &format!("{{\"n\":{n}}}")],
        );
    }
    send(
        &server,
        &[
            "XREADGROUP",
            "GROUP",
            "py",
            "worker-1",
            "COUNT",
            "7",
            "STREAMS",
            "jobs",
            ">",
        ],
    );
    let json = run(&server, "group info jobs py -o json").ended(0).json();
    assert_eq!((&json["unread"], &json["pending"]), (&13.into(), &7.into()));
    assert_eq!(json["consumers"][0]["alive"], true);
    assert_eq!(
        json["consumers"][0]["last_beat_seconds"],
        serde_json::Value::Null
    );
    assert_eq!(json["consumers"][0]["workers"], serde_json::Value::Null);
    let table = run(&server, "consumer ls jobs py").ended(0).out;
    assert!(table.contains('–'), "{table}");
    // A stream without readers: it is unknown whether unread entries are trimmed.
    send(&server, &["XGROUP", "CREATE", "old", "py", "0", "MKSTREAM"]);
    send(
        &server,
        &[
            "XADD",
            "old",
            &format!("{}-0", now_ms() - 600_000),
            "a",
            "b",
        ],
    );
    let overview = run(&server, "").ended(0).out;
    assert!(
        overview.contains("▲ old/py stands still since "),
        "{overview}"
    );
    assert!(!overview.contains("Nothing is lost"), "{overview}");
    let before = digest(&server);
    for words in crate::looking::COMMANDS {
        run(
            &server,
            &words.replace("orders", "jobs").replace("billing", "py"),
        );
    }
    assert_eq!(digest(&server), before);
}

#[test]
fn names_and_fields_of_any_bytes_are_shown_escaped() {
    let server = Server::start().unwrap();
    let fill = "redis.call('XGROUP', 'CREATE', 'odd\\27[2J', 'g\\255', '0', 'MKSTREAM') \
                redis.call('XADD', 'odd\\27[2J', '*', '\\0\\255', '\\27]0;x\\7', 'a', '1', 'a', '2') \
                redis.call('XREADGROUP', 'GROUP', 'g\\255', 'c\\254', 'STREAMS', 'odd\\27[2J', '>')";
    script(&server, fill, "jobs");
    let before = digest(&server);
    for form in ["table", "json", "ndjson"] {
        for words in [
            vec!["overview"],
            vec!["stream", "ls"],
            vec!["group", "ls"],
            vec!["doctor"],
            vec!["stream", "peek", "odd\u{1b}[2J"],
            vec!["stream", "info", "odd\u{1b}[2J"],
            vec!["check"],
            vec!["metrics"],
        ] {
            let ran = run_words(&server, &[&words[..], &["-o", form]].concat());
            assert!(
                !ran.out.contains('\u{1b}') && !ran.err.contains('\u{1b}'),
                "{words:?}: {ran:#?}"
            );
            assert!(!ran.err.contains("panicked"), "{words:?}: {ran:#?}");
        }
    }
    let ran = run_words(&server, &["stream", "peek", "odd\u{1b}[2J"]).ended(0);
    assert!(
        ran.out.contains("\\x00\\xff") && ran.out.contains("\\x1b]0;x\\x07"),
        "{}",
        ran.out
    );
    assert_eq!(digest(&server), before);
}

#[test]
fn two_hundred_groups_and_many_pending_entries_are_looked_at_in_pages() {
    let server = Server::start().unwrap();
    let fill = "for i = 1, 2000 do redis.call('XADD', 'jobs', '*', 'a', i) end \
                for g = 1, 200 do redis.call('XGROUP', 'CREATE', 'jobs', 'g' .. g, '0') end \
                for g = 1, 50 do \
                redis.call('XREADGROUP', 'GROUP', 'g' .. g, 'c', 'COUNT', 2000, 'STREAMS', 'jobs', '>') end";
    script(&server, fill, "jobs");
    let json = run(&server, "group ls jobs -o json").ended(0).json();
    let groups = json["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 200);
    let pending: u64 = groups.iter().map(|g| g["pending"].as_u64().unwrap()).sum();
    assert_eq!(pending, 100_000);
    let json = run(&server, "pending ls jobs g1 -n 1500 -o json")
        .ended(0)
        .json();
    assert_eq!(json["entries"].as_array().unwrap().len(), 1_500);
}

#[test]
fn a_server_that_refuses_scripts_leaves_the_rest() {
    let server = Server::options()
        .user("tool on >pw ~* +@read +ping +info +hello +client +time -@scripting")
        .start()
        .unwrap();
    send(
        &server,
        &["XADD", "jobs", &format!("{}-0", now_ms()), "a", "b"],
    );
    let url = server.url().replace("redis://", "redis://tool:pw@");
    for words in ["overview", "stream ls", "doctor", "stream info jobs"] {
        let output = bare()
            .arg("--url")
            .arg(&url)
            .args(words.split_whitespace())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!err.contains("panicked"), "{words}: {err}");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            out.contains("jobs") || err.contains("jobs"),
            "{words}: {out}{err}"
        );
    }
}
