use redis::{ConnectionLike, RedisResult, Value};

use super::fake::{Fake, Peer};
use super::{SHORT, config, connect};
use crate::connection::from_redis;
use crate::connection::server_error::code;
use crate::error::ErrorKind;

fn saying(reply: &'static [u8], requests: usize) -> Fake {
    Fake::tcp(move |peer| {
        peer.greet();
        for _ in 0..requests {
            if peer.request().is_none() {
                return;
            }
        }
        peer.say(reply);
        peer.until_hangup();
    })
}

#[test]
fn typed_replies_come_through() {
    let server = saying(b"*3\r\n$1\r\na\r\n$-1\r\n$1\r\nc\r\n", 1);
    let mut wire = connect(&config(&server)).unwrap();
    let reply: Vec<Option<String>> = redis::cmd("MGET").arg("x").query(&mut wire).unwrap();
    assert_eq!(reply, [Some("a".to_owned()), None, Some("c".to_owned())]);
    assert!(wire.is_open());
    assert_eq!(wire.outstanding(), 0);
}

#[test]
fn values_are_those_of_the_redis_crate() {
    const REPLY: &[u8] =
        b"*7\r\n+OK\r\n+QUEUED\r\n:5\r\n$2\r\nab\r\n*0\r\n*-1\r\n-NOGROUP gone\r\n";
    let server = saying(REPLY, 1);
    let mut wire = connect(&config(&server)).unwrap();
    let packed = redis::cmd("X").get_packed_command();
    let value = wire.req_packed_command(&packed).unwrap();
    assert_eq!(value, redis::parse_redis_value(REPLY).unwrap());
}

#[test]
fn server_errors_keep_their_code() {
    let server = saying(b"-NOGROUP No such key\r\n", 1);
    let mut wire = connect(&config(&server)).unwrap();
    let error = redis::cmd("XACK").query::<i64>(&mut wire).unwrap_err();
    assert_eq!(error.code(), Some("NOGROUP"));
    let error = from_redis(error);
    assert_eq!(error.kind(), ErrorKind::NoGroup);
    assert_eq!(code(&error), Some("NOGROUP"));
    assert!(!wire.is_broken());
}

#[test]
fn pipelines_give_every_result() {
    let server = saying(b":1\r\n-WRONGTYPE no\r\n:3\r\n", 3);
    let mut wire = connect(&config(&server)).unwrap();
    let mut pipeline = redis::pipe();
    pipeline.cmd("A").cmd("B").cmd("C").ignore_errors();
    let results: Vec<RedisResult<i64>> = pipeline.query(&mut wire).unwrap();
    assert_eq!(results[0], Ok(1));
    assert_eq!(results[1].as_ref().unwrap_err().code(), Some("WRONGTYPE"));
    assert_eq!(results[2], Ok(3));
    assert_eq!(wire.outstanding(), 0);
}

#[test]
fn transactions_skip_what_was_queued() {
    let reply = b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n";
    let mut pipeline = redis::pipe();
    let pipeline = pipeline.atomic().cmd("A").cmd("B");
    let server = saying(reply, 4);
    let mut wire = connect(&config(&server)).unwrap();
    assert_eq!(pipeline.query::<(i64, i64)>(&mut wire), Ok((1, 2)));
    drop(wire);

    let mut wire = connect(&config(&server)).unwrap();
    let values = wire
        .req_packed_commands(&pipeline.get_packed_pipeline(), 3, 1)
        .unwrap();
    assert_eq!(values, [Value::Array(vec![Value::Int(1), Value::Int(2)])]);
}

#[test]
fn a_script_is_loaded_when_missing() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        for (command, reply) in [
            ("EVALSHA", &b"-NOSCRIPT No matching script\r\n"[..]),
            (
                "SCRIPT",
                b"$40\r\n09b143ac1d8426a09f24496a390fd0d70cafdc7c\r\n",
            ),
            ("EVALSHA", b":9\r\n"),
        ] {
            assert_eq!(peer.request().unwrap()[0], command);
            peer.say(reply);
        }
        peer.until_hangup();
    });
    let mut wire = connect(&config(&server)).unwrap();
    let answer: i64 = redis::Script::new("return 9").invoke(&mut wire).unwrap();
    assert_eq!(answer, 9);
}

#[test]
fn lost_connections_come_back_as_our_own_errors() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        Peer::until_hangup(peer);
    });
    let mut wire = connect(&config(&server).response_timeout(SHORT)).unwrap();
    let error = redis::cmd("GET").query::<Value>(&mut wire).unwrap_err();
    assert!(error.is_io_error() && error.is_connection_dropped());
    let error = from_redis(error);
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    assert!(
        error.to_string().contains("did not answer within 60ms"),
        "{error}"
    );
    assert!(!wire.is_open() && !wire.check_connection());
    let error = from_redis(redis::cmd("GET").query::<Value>(&mut wire).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
