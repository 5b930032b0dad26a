//! Exchanges that follow a key from node to node of a cluster; callers don't notice.
//!
//! A slot may move between two requests of one operation, and its keys move one by one.
//! So each request finds its own way, and the next one starts again at the node of the
//! connection.

use super::asking::commands;
use super::redirect::Redirect;
use super::reply::Reply;
use super::wire::Wire;
use crate::error::{Error, ErrorKind, Result};

/// How many times one request is sent on.
const MOST_HOPS: usize = 5;

/// `WATCH` binds its own connection, so another connection is of no use.
const WATCH: &[u8] = b"*2\r\n$5\r\nWATCH\r\n";

impl Wire {
    /// Sends one request that doesn't block on the server, and returns the answer of the
    /// node that has the key.
    ///
    /// # Blocking
    ///
    /// At most the response timeout, for each node.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`receive`](Self::receive), of the last node asked.
    pub(crate) fn exchange(&mut self, packed: &[u8]) -> Result<Reply> {
        self.send(packed, 1)?;
        let timeout = self.response_timeout();
        let reply = self.receive_owned(timeout)?;
        self.followed(reply, packed)
    }

    /// As [`exchange`](Self::exchange), for several requests in one round trip.
    pub(crate) fn exchange_all(&mut self, packed: &[u8], count: usize) -> Result<Vec<Reply>> {
        self.send(packed, count)?;
        let timeout = self.response_timeout();
        let mut replies = Vec::with_capacity(count);
        for _ in 0..count {
            replies.push(self.receive_owned(timeout)?);
        }
        if replies.iter().any(|reply| redirect_in(reply).is_some()) {
            let pairs = replies.into_iter().zip(commands(packed));
            return pairs
                .map(|(reply, one)| self.followed(reply, one))
                .collect();
        }
        Ok(replies)
    }

    fn followed(&self, reply: Reply, packed: &[u8]) -> Result<Reply> {
        match redirect_in(&reply) {
            Some(redirect) => Ok(self.follow(redirect, packed)?.unwrap_or(reply)),
            None => Ok(reply),
        }
    }

    /// The answer of the node that has the key, to a request that was sent on; `None` if
    /// it can't be followed.
    #[cold]
    pub(super) fn follow(&self, redirect: Redirect, packed: &[u8]) -> Result<Option<Reply>> {
        let Some(guide) = self.endpoint.guided.guide() else {
            return Ok(None);
        };
        if packed.starts_with(WATCH) {
            return Err(between_nodes());
        }
        let timeout = self.response_timeout();
        let mut from = self.endpoint.address.clone();
        let mut next = redirect;
        for _ in 0..MOST_HOPS {
            let (reply, node) = guide.exchange(&next, &from, packed, timeout)?;
            match redirect_in(&reply) {
                Some(redirect) => (next, from) = (redirect, node),
                None => return Ok(Some(reply)),
            }
        }
        Err(between_nodes())
    }
}

/// The error of a request that no node takes for now.
pub(super) fn between_nodes() -> Error {
    let text = "the key is moving from one node of the cluster to another";
    Error::new(ErrorKind::Unavailable, text)
}

fn redirect_in(reply: &Reply) -> Option<Redirect> {
    Redirect::read(reply.as_ref().error()?)
}
