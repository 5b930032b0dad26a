//! What sentinels announce.
//!
//! Each is listened to, since the one that leads a failover tells of it a second
//! later than the others. An announcement says no more than that it is time to ask.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Board;
use super::roster::{ANSWER, Member};
use crate::connection::cold::to_value;
use crate::connection::credentials::command;
use crate::connection::deadline::Deadline;
use crate::connection::server_error::ServerError;
use crate::connection::wire::Wire;
use crate::error::{ErrorKind, Result, with_causes};
use crate::runtime::{Backoff, Thread};

/// A sentinel that says nothing for so long is asked whether it is there.
const QUIET: Duration = Duration::from_secs(10);

/// More than will ever come.
const ENDLESS: usize = usize::MAX / 2;

/// The threads that listen, one for each sentinel.
#[derive(Default)]
pub(super) struct Watches(Vec<(Arc<Member>, Thread)>);

impl Watches {
    /// Listens to these sentinels, and to no others.
    pub(super) fn set(&mut self, sentinels: &[Arc<Member>], master: &str, board: &Arc<Board>) {
        let now = Instant::now();
        let has_ended = |(_, thread): &mut (_, Thread)| thread.ends_by(now);
        for (_, thread) in self.0.extract_if(.., has_ended) {
            thread.join_by(now);
        }
        for sentinel in sentinels {
            if self.0.iter().any(|(known, _)| Arc::ptr_eq(known, sentinel)) {
                continue;
            }
            let (watched, master) = (Arc::clone(sentinel), master.to_owned());
            let board = Arc::clone(board);
            match Thread::spawn("stream-sentinel-watch", move || {
                watch(&watched, &master, &board);
            }) {
                Ok(thread) => self.0.push((Arc::clone(sentinel), thread)),
                // Another round tries again.
                Err(e) => log::debug!("a sentinel is not listened to: {}", with_causes(&e)),
            }
        }
    }

    /// Joins the threads, whose sentinels have been told to end.
    pub(super) fn join_by(&mut self, deadline: Instant) {
        for (_, thread) in self.0.drain(..) {
            thread.join_by(deadline);
        }
    }
}

/// Listens until the end of the sentinel's use, on one connection after the other.
fn watch(sentinel: &Member, master: &str, board: &Board) {
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
    while !sentinel.watching.is_over() {
        match subscribe(sentinel) {
            Ok(mut wire) => {
                backoff.reset();
                // It may have come before.
                board.search.want_round();
                let lost = listen(&mut wire, master, board);
                if !sentinel.watching.is_over() {
                    log::debug!("a sentinel is not heard for now: {}", with_causes(&lost));
                    board.search.want_round();
                }
            }
            Err(e) => log::debug!("a sentinel is not heard for now: {}", with_causes(&e)),
        }
        let pause = backoff.next();
        // Nothing is ever sent: this ends by disconnection or timeout.
        let _ = sentinel.watching.over().recv_timeout(pause);
    }
}

fn subscribe(sentinel: &Member) -> Result<Wire> {
    let mut deadline = Deadline::of(ANSWER).unless(&sentinel.watching);
    let mut wire = Wire::connect_by(&sentinel.endpoint, &mut deadline)?;
    let request = command(&["SUBSCRIBE", "+switch-master"]).get_packed_command();
    wire.send_within(&request, ENDLESS, &mut deadline)?;
    let reply = wire.receive_within(&mut deadline)?;
    match reply.error() {
        Some(line) => Err(ServerError::new(line).into_error()),
        None => Ok(wire),
    }
}

/// Listens until the connection fails.
fn listen(wire: &mut Wire, master: &str, board: &Board) -> crate::error::Error {
    loop {
        match hear(wire) {
            Ok(Some(name)) if name == master => {
                board.search.want_round();
            }
            Ok(_) => {}
            Err(e) => return e,
        }
    }
}

/// The name of the master that was announced to be another one; `None` for any other
/// message.
fn hear(wire: &mut Wire) -> Result<Option<String>> {
    if !wire.reply_begins(QUIET)? {
        wire.send(&command(&["PING"]).get_packed_command(), 1)?;
        if !wire.reply_begins(ANSWER)? {
            return Err(wire.overdue(ANSWER).of_kind(ErrorKind::Unavailable));
        }
    }
    let Ok(message) = to_value(wire.receive(ANSWER)?) else {
        return Ok(None);
    };
    let words: Vec<String> = redis::from_redis_value(message).unwrap_or_default();
    Ok(match words.as_slice() {
        [kind, _, text] if kind == "message" => text.split(' ').next().map(str::to_owned),
        _ => None,
    })
}
