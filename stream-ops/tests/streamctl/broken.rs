//! Streams that another program has broken: the others are shown all the same.

use stream_tests::Server;

use crate::support::{bare, digest, run_words, script, send};

/// What an operator asks about all streams.
const ALL: [&str; 8] = [
    "overview",
    "stream ls",
    "group ls",
    "doctor",
    "check",
    "metrics",
    "events",
    "audit",
];

/// A healthy stream, and some whose neighbouring keys are not this library's.
fn with_broken_streams() -> Server {
    let server = Server::start().unwrap();
    send(&server, &["XADD", "healthy", "*", "a", "b"]);
    // Numbers of partitions that are none.
    send(&server, &["HSET", "{three}:meta", "partitions", "3"]);
    send(&server, &["XADD", "{three:0}", "*", "a", "b"]);
    send(&server, &["SET", "{text}:meta", "no hash"]);
    send(&server, &["XADD", "{text:1}", "*", "a", "b"]);
    // Names that this library doesn't take.
    for name in ["", "{}", "{", "a{b}{c}", "{}x"] {
        send(&server, &["XADD", name, "*", "a", "b"]);
        send(&server, &["XGROUP", "CREATE", name, "g", "0"]);
    }
    // Keys of other types, and settings of any bytes.
    for key in [
        "meta",
        "cron",
        "due",
        "schema",
        "dead",
        "events",
        "backup",
        "members:g",
        "facts:g",
        "hold:g",
        "waiting:g",
    ] {
        send(&server, &["RPUSH", &format!("{{lists}}:{key}"), "a"]);
    }
    send(&server, &["XADD", "lists", "*", "a", "b"]);
    send(&server, &["XGROUP", "CREATE", "lists", "g", "0"]);
    let odd = "redis.call('XADD', KEYS[1], '*', 'a', 'b') \
               redis.call('XGROUP', 'CREATE', KEYS[1], 'g', '0') \
               redis.call('HSET', '{odd}:meta', 'retention:priority', '\\27[2J\\194\\155', \
               'retention:max_length', '18446744073709551615', 'backup:name', '\\27[31m', \
               'backup:max_length', '-1', 'partitions', '\\27[0m') \
               redis.call('HSET', '{odd}:facts:g', 'c', '{\"lease\":18446744073709551615}', \
               'd', 'no JSON', 'e', '[]') \
               redis.call('ZADD', '{odd}:members:g', 'inf', 'c', '-inf', '\\27d', '9e18', 'e') \
               redis.call('SET', '{odd}:hold:g', '\\27[2J')";
    script(&server, odd, "odd");
    server
}

#[test]
fn one_broken_stream_leaves_the_others() {
    let server = with_broken_streams();
    let before = digest(&server);
    for words in ALL {
        for form in ["table", "json"] {
            let mut all: Vec<&str> = words.split(' ').collect();
            all.extend(["-o", form]);
            let ran = run_words(&server, &all);
            // 3: they have found trouble.
            assert!(matches!(ran.code, Some(0 | 3)), "{words}: {ran:#?}");
            if !matches!(words, "events" | "audit" | "check" | "group ls") {
                assert!(ran.out.contains("healthy"), "{words}: {ran:#?}");
            }
        }
    }
    assert_eq!(digest(&server), before);
}

#[test]
fn nothing_beside_a_stream_moves_the_cursor() {
    let server = with_broken_streams();
    for form in ["table", "json"] {
        for words in [
            "stream info odd",
            "group info odd g",
            "consumer ls odd g",
            "dlq ls odd",
            "cron ls odd",
            "schema ls odd",
            "stream peek odd",
            "retention plan odd",
            "overview",
            "doctor",
        ] {
            let mut all: Vec<&str> = words.split(' ').collect();
            all.extend(["-o", form]);
            let ran = run_words(&server, &all);
            let is_bare = |c: char| c != '\n' && c.is_control();
            assert!(
                !ran.out.contains(is_bare) && !ran.err.contains(is_bare),
                "{words}: {ran:#?}"
            );
            assert!(!ran.err.contains("panicked"), "{words}: {ran:#?}");
        }
    }
    let ran = run_words(&server, &["group", "info", "{}x", "nobody"]).ended(5);
    assert!(
        ran.err.contains("`streamctl group ls '{}x'` shows"),
        "{}",
        ran.err
    );
}

#[test]
fn a_user_who_may_not_search_is_told_so() {
    let server = Server::options()
        .user("tool on >pw ~* +@all -scan")
        .start()
        .unwrap();
    send(&server, &["XADD", "jobs", "*", "a", "b"]);
    let url = server.url().replace("redis://", "redis://tool:pw@");
    let ran = |words: &str| {
        let output = bare()
            .args(["--url", &url])
            .args(words.split(' '))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        (output.status.code(), text)
    };
    for words in [
        "overview",
        "stream ls",
        "group ls",
        "check",
        "doctor",
        "metrics",
    ] {
        let (code, text) = ran(words);
        assert_eq!(code, Some(1), "{words}: {text}");
        assert!(
            text.contains("can't search for streams: ") && text.contains("--stream"),
            "{words}: {text}"
        );
    }
    let (code, text) = ran("check --format nagios");
    assert_eq!(code, Some(3), "{text}");
    assert!(text.starts_with("UNKNOWN: "), "{text}");
    let (code, text) = ran("overview --stream jobs");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("jobs"), "{text}");
}
