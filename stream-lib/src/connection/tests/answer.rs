use super::*;

fn of(line: &str) -> Answer {
    Answer::of_line(line)
}

#[test]
fn a_server_that_can_not_serve_now_has_written_nothing_and_is_left() {
    for line in [
        "READONLY You can't write against a read only replica.",
        "READONLY You can't write against a read only replica. script: 12ab, on @user_script:9.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "LOADING Redis is loading the dataset in memory",
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
    ] {
        let answer = of(line);
        assert_eq!(answer.kind, ErrorKind::Refused, "{line}");
        assert_eq!(answer.written, Written::No, "{line}");
        assert_eq!(answer.wire, AfterIt::DropAll, "{line}");
        assert_eq!(answer.again, Again::Elsewhere, "{line}");
    }
    for line in [
        "TRYAGAIN Multiple keys request",
        "CLUSTERDOWN Hash slot not served",
    ] {
        assert_eq!(of(line).again, Again::AfterPause, "{line}");
        assert_eq!(of(line).wire, AfterIt::Keep, "{line}");
    }
    for line in [
        "OOM command not allowed",
        "MISCONF Redis is",
        "NOREPLICAS Not",
        "BUSY Redis",
    ] {
        assert_eq!(of(line).kind, ErrorKind::Refused, "{line}");
        assert_eq!(of(line).again, Again::No, "{line}");
    }
}

#[test]
fn lines_that_redis_never_says_leave_the_outcome_unknown() {
    for line in [
        "upstream failure",
        "no upstream host",
        "ERR max daily request limit exceeded. Limit: 10000, Usage: 10000.",
        "ERR Connection timed out",
        "ERR Connection refused",
        "ERR",
        "",
        "WHATEVER comes",
    ] {
        let answer = of(line);
        assert_eq!(answer.kind, ErrorKind::OutcomeUnknown, "{line}");
        assert_eq!(answer.written, Written::Maybe, "{line}");
        assert_eq!(answer.wire, AfterIt::Drop, "{line}");
        assert!(answer.may_pass(), "{line}");
    }
}

#[test]
fn requests_that_are_refused_for_their_own_sake_are_final() {
    for line in [
        "ERR unknown command 'XADD'",
        "ERR unknown command `XADD`, with args beginning with: ",
        "ERR unknown subcommand 'LOAD'. Try SCRIPT HELP.",
        "ERR Unknown Redis command called from script script: 1, on @user_script:1.",
        "ERR wrong number of arguments for 'xadd' command",
        "ERR syntax error",
        "ERR Protocol error: unbalanced quotes in request",
        "ERR Invalid stream ID specified as stream command argument",
        "ERR value is not an integer or out of range",
        "ERR Error running script (call to f_1): @user_script:1: boom",
        "ERR user_script:1: boom script: 12, on @user_script:1.",
        "ERR no such key",
        "ERR The XGROUP subcommand requires the key to exist.",
        "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        "ERR timeout is negative",
        "ERR COUNT must be > 0",
        "ERR EXEC without MULTI",
        "ERR Unrecognized XCLAIM option 'none'",
        "ERR This instance has cluster support disabled",
        "EXECABORT Transaction discarded because of previous errors.",
        "NOSCRIPT No matching script. Please use EVAL.",
        "BUSYGROUP Consumer Group name already exists",
        "unsupported command 'xadd'",
    ] {
        let answer = of(line);
        assert_eq!(answer.kind, ErrorKind::Server, "{line}");
        assert_eq!(answer.again, Again::No, "{line}");
        assert!(!answer.may_pass(), "{line}");
    }
}

#[test]
fn a_message_that_is_too_large_is_not_written() {
    let closing = of("ERR Protocol error: invalid bulk length");
    assert_eq!(closing.kind, ErrorKind::Encode);
    assert_eq!(
        (closing.written, closing.wire),
        (Written::No, AfterIt::Ends)
    );
    let kept = of("ERR Elements are too large to be stored");
    assert_eq!((kept.kind, kept.wire), (ErrorKind::Encode, AfterIt::Keep));
}

#[test]
fn a_cluster_and_its_slots_are_named() {
    for line in ["MOVED 105 127.0.0.1:7001", "ASK 105 127.0.0.1:7001"] {
        assert_eq!(of(line).kind, ErrorKind::Config);
        assert!(of(line).hint.contains("redis-cluster://"));
        assert_eq!(
            (of(line).again, of(line).wire),
            (Again::There, AfterIt::Keep)
        );
    }
    let cross = of("CROSSSLOT Keys in request don't hash to the same slot");
    assert_eq!(cross.kind, ErrorKind::Config);
    assert!(cross.hint.contains("hash tag"));
    let foreign = of("ERR Script attempted to access a non local key in a cluster node");
    assert_eq!(foreign.kind, ErrorKind::OutcomeUnknown);
    assert_eq!(foreign.written, Written::Maybe);
    assert!(foreign.hint.contains("script"));
}

#[test]
fn what_may_go_again_was_not_written() {
    let kinds = [
        ErrorKind::Unavailable,
        ErrorKind::OutcomeUnknown,
        ErrorKind::Protocol,
        ErrorKind::Refused,
    ];
    let answers = ROWS.iter().map(|row| row.answer);
    for answer in answers.chain(kinds.map(Answer::of_kind)) {
        if answer.again != Again::No {
            assert_eq!(answer.written, Written::No, "{answer:?}");
            let is_there = answer.again == Again::There;
            assert!(answer.may_pass() || is_there, "{answer:?}");
        }
    }
}
