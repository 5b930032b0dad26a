//! The redis crate's commands, scripts and pipelines on a [`Wire`].

use redis::{ConnectionLike, RedisResult, Value};

use super::asking::commands;
use super::deadline::Deadline;
use super::follow::between_nodes;
use super::redirect::Redirect;
use super::reply::ReplyRef;
use super::scan::Token;
use super::server_error::to_redis;
use super::wire::Wire;

/// Errors of the connection itself come as I/O errors; [`from_redis`](super::from_redis)
/// turns them back into the library's errors.
impl ConnectionLike for Wire {
    fn req_packed_command(&mut self, packed: &[u8]) -> RedisResult<Value> {
        self.send(packed, 1).map_err(to_redis)?;
        let mut deadline = Deadline::of(self.response_timeout());
        let (value, redirect) = self.next_value(&mut deadline)?;
        self.or_followed(value, redirect, packed)
    }

    fn req_packed_commands(
        &mut self,
        packed: &[u8],
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        self.send(packed, offset + count).map_err(to_redis)?;
        // One for all of them, however many there are.
        let mut deadline = Deadline::of(self.response_timeout());
        let mut values = Vec::with_capacity(count);
        let mut is_sent_on = false;
        for index in 0..offset + count {
            let value = self.next_value(&mut deadline)?;
            if index >= offset {
                values.push(value);
            } else {
                is_sent_on |= value.1.is_some();
            }
        }
        if is_sent_on && self.endpoint().is_in_cluster() {
            return Err(to_redis(between_nodes()));
        }
        // The commands of a transaction belong together, so none of them is sent on.
        let mut commands = commands(packed).filter(|_| offset == 0);
        let values = values.into_iter();
        let each = values.map(|(value, redirect)| match commands.next() {
            Some(command) => self.or_followed(value, redirect, command),
            None => value,
        });
        each.collect()
    }

    fn get_db(&self) -> i64 {
        self.endpoint().db()
    }

    fn check_connection(&mut self) -> bool {
        !self.is_stale() && redis::cmd("PING").query::<String>(self).is_ok()
    }

    fn is_open(&self) -> bool {
        !self.is_broken()
    }
}

impl Wire {
    fn next_value(
        &mut self,
        deadline: &mut Deadline,
    ) -> RedisResult<(RedisResult<Value>, Option<Redirect>)> {
        let reply = self.receive_within(deadline).map_err(to_redis)?;
        Ok((to_value(reply), reply.error().and_then(Redirect::read)))
    }

    /// The value, or that of the node that the request was sent on to.
    fn or_followed(
        &self,
        value: RedisResult<Value>,
        redirect: Option<Redirect>,
        packed: &[u8],
    ) -> RedisResult<Value> {
        let Some(redirect) = redirect else {
            return value;
        };
        match self.follow(redirect, packed).map_err(to_redis)? {
            Some(reply) => to_value(reply.as_ref()),
            None => value,
        }
    }
}

/// Converts a reply to the redis crate's form.
pub(super) fn to_value(reply: ReplyRef<'_>) -> RedisResult<Value> {
    let mut tokens = reply.tokens().iter().copied();
    next_value(reply, &mut tokens)
}

/// The scanner's limit on depth bounds the recursion.
fn next_value(reply: ReplyRef<'_>, tokens: &mut impl Iterator<Item = Token>) -> RedisResult<Value> {
    let text = |start, end| String::from_utf8_lossy(reply.slice(start, end)).into_owned();
    Ok(match tokens.next() {
        None | Some(Token::Nil) => Value::Nil,
        Some(Token::Int(value)) => Value::Int(value),
        Some(Token::Bulk { start, end }) => Value::BulkString(reply.slice(start, end).to_vec()),
        Some(Token::Simple { start, end }) => match reply.slice(start, end) {
            b"OK" => Value::Okay,
            _ => Value::SimpleString(text(start, end)),
        },
        // Only the crate's own parser can make this value.
        Some(Token::Error { start, end }) => {
            redis::parse_redis_value(format!("-{}\r\n", text(start, end)).as_bytes())?
        }
        Some(Token::Array(count)) => {
            // The count was checked against the tokens that really came.
            let mut values = Vec::with_capacity(count as usize);
            for _ in 0..count {
                values.push(next_value(reply, tokens)?);
            }
            Value::Array(values)
        }
    })
}
