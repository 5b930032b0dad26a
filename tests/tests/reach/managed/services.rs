//! Restrictions of services that a program doesn't notice.

use stream_lib::StreamManager;
use stream_tests::{Server, ServerOptions};

use super::all_day;

/// Works for a day where these commands are unknown.
#[track_caller]
fn without(name: &str, commands: &[&str]) {
    let mut options = Server::options();
    for command in commands {
        options = options.without_command(command);
    }
    quietly(name, options);
}

/// Works for a day as a user with these rules.
#[track_caller]
fn as_user(name: &str, rules: &str) {
    let options = Server::options().user(&format!("clerk on >secret {rules}"));
    let server = options.start().unwrap();
    let url = server.url().replace("redis://", "redis://clerk:secret@");
    let manager = StreamManager::connect(url).unwrap();
    assert_eq!(all_day::work(&manager, name), [""; 0]);
}

#[track_caller]
fn quietly(name: &str, options: ServerOptions) {
    let server = options.start().unwrap();
    let manager = StreamManager::connect(server.url()).unwrap();
    assert_eq!(all_day::work(&manager, name), [""; 0]);
}

#[test]
fn commands_of_administrators_are_not_needed() {
    without(
        "administration",
        &[
            "CONFIG",
            "ACL",
            "DEBUG",
            "MONITOR",
            "BGSAVE",
            "BGREWRITEAOF",
            "SAVE",
            "SHUTDOWN",
            "REPLICAOF",
            "SLAVEOF",
            "FAILOVER",
            "PSYNC",
            "SYNC",
            "MIGRATE",
            "MODULE",
            "CLUSTER",
            "LATENCY",
            "SLOWLOG",
            "MEMORY",
            "COMMAND",
            "ROLE",
            "LASTSAVE",
            "SWAPDB",
        ],
    );
}

#[test]
fn commands_that_look_at_everything_are_not_needed() {
    without(
        "looking",
        &[
            "INFO",
            "KEYS",
            "SCAN",
            "RANDOMKEY",
            "DBSIZE",
            "OBJECT",
            "FLUSHALL",
            "FLUSHDB",
        ],
    );
}

#[test]
fn commands_of_sessions_are_not_needed() {
    without(
        "sessions",
        &[
            "HELLO",
            "SELECT",
            "RESET",
            "QUIT",
            "ECHO",
            "SUBSCRIBE",
            "PSUBSCRIBE",
            "PUBLISH",
            "WAIT",
            "MULTI",
            "WATCH",
            "FUNCTION",
            "FCALL",
        ],
    );
}

#[test]
fn nothing_of_client_is_needed() {
    without("client", &["CLIENT"]);
}

#[test]
fn nothing_of_client_needs_to_be_allowed() {
    as_user("client-rules", "~* &* +@all -client");
    as_user(
        "unblock-rules",
        "~* &* +@all -client|unblock -client|no-evict",
    );
    as_user("id-rules", "~* &* +@all -client|id -client|setname");
}

#[test]
fn parts_of_info_may_be_forbidden() {
    as_user("no-info", "~* &* +@all -info");
    as_user("info-of-memory", "~* &* +@all -info +info|memory");
    as_user("info-of-server", "~* &* +@all -info +info|server");
}

#[test]
fn scripts_run_by_either_way() {
    without("no-script", &["SCRIPT"]);
    as_user("no-script-rules", "~* &* +@all -script");
    without("no-evalsha", &["EVALSHA"]);
    as_user("no-evalsha-rules", "~* &* +@all -evalsha");
    without("no-eval", &["EVAL"]);
    as_user("no-eval-rules", "~* &* +@all -eval");
}

#[test]
fn a_user_without_dangerous_commands_and_with_its_own_keys_suffices() {
    as_user(
        "own-keys",
        "~own-keys-* ~{own-keys-* resetchannels +@all -@dangerous -@admin",
    );
}
