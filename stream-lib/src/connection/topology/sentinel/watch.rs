//! Announcements of sentinels.
//!
//! All sentinels are listened to, since the one that leads a failover announces it a
//! second later than the others. An announcement only triggers a round of questions.

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

/// How long a sentinel may be silent before it is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(10);

/// More replies than will ever come.
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
                // The next round tries again.
                Err(e) => log::debug!("can't start to listen to a sentinel: {}", with_causes(&e)),
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

/// Listens to a sentinel as long as it is used, on one connection after another.
fn watch(sentinel: &Member, master: &str, board: &Board) {
    let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(5));
    while !sentinel.watching.is_over() {
        match subscribe(sentinel) {
            Ok(mut wire) => {
                backoff.reset();
                // An announcement may have come before.
                board.search.want_round();
                let lost = listen(&mut wire, master, board);
                if !sentinel.watching.is_over() {
                    log::debug!("lost a sentinel's announcements: {}", with_causes(&lost));
                    board.search.want_round();
                }
            }
            Err(e) => log::debug!("can't subscribe to a sentinel: {}", with_causes(&e)),
        }
        let pause = backoff.next();
        // Nothing is ever sent here: the wait ends by disconnection or timeout.
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

/// The name of the master in an announcement of a switch; `None` for any other message.
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
