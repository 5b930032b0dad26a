//! The cost of requests.

use std::time::Duration;

use parking_lot::Mutex;
use stream_lib::{Answer, Result};

use super::answered::Answered;
use super::words::{Request, request};

/// The cost of some requests. Bytes are those of the protocol, without TLS and TCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Round trips.
    pub round_trips: u64,
    /// Commands.
    pub calls: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that were read.
    pub received: u64,
    /// How long the server worked, by its own clock (`TIME` before and after), work for other
    /// clients in between included. `None` where it was not measured.
    pub server_time: Option<Duration>,
}

/// Adds up the cost of the requests that go through it.
#[derive(Debug, Default)]
pub struct Meter(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    cost: Cost,
    is_timed: bool,
}

impl Meter {
    /// Begins again from nothing. With `is_timed` the server's time is measured, by two more
    /// commands in each round trip.
    pub fn begin(&self, is_timed: bool) {
        *self.0.lock() = Counts {
            cost: Cost {
                server_time: is_timed.then_some(Duration::ZERO),
                ..Cost::default()
            },
            is_timed,
        };
    }

    /// The cost since the beginning.
    pub fn cost(&self) -> Cost {
        self.0.lock().cost
    }

    /// Sends requests, and counts them.
    pub(super) fn ask(
        &self,
        requests: &[Request],
        send: impl Fn(&[Request]) -> Result<Vec<Answer>>,
    ) -> Result<Vec<Answer>> {
        let is_timed = self.0.lock().is_timed && !requests.is_empty();
        let mut answers = if is_timed {
            let time = || request(["TIME"]);
            let mut timed = vec![time()];
            timed.extend_from_slice(requests);
            timed.push(time());
            send(&timed)?
        } else {
            send(requests)?
        };
        let mut counts = self.0.lock();
        if is_timed {
            let ends = (
                answers.first().and_then(micros),
                answers.last().and_then(micros),
            );
            let took = match ends {
                (Some(from), Some(to)) => Some(Duration::from_micros(to.saturating_sub(from))),
                _ => None,
            };
            let so_far = counts.cost.server_time;
            counts.cost.server_time = so_far.zip(took).map(|(so_far, took)| so_far + took);
            answers.pop();
            answers.drain(..1);
        }
        let cost = &mut counts.cost;
        cost.round_trips += 1;
        cost.calls += requests.len() as u64;
        cost.sent += requests.iter().map(|words| written(words)).sum::<u64>();
        cost.received += answers.iter().map(read).sum::<u64>();
        Ok(answers)
    }
}

/// Microseconds since 1970, by what `TIME` has answered.
fn micros(time: &Answer) -> Option<u64> {
    let [seconds, micros] = time.list() else {
        return None;
    };
    Some(seconds.count()? * 1_000_000 + micros.count()?)
}

/// The bytes of a request: an array of strings.
fn written(words: &[Vec<u8>]) -> u64 {
    let word = |word: &Vec<u8>| string(word.len());
    line(words.len() as u64) + words.iter().map(word).sum::<u64>()
}

/// The bytes of an answer.
fn read(answer: &Answer) -> u64 {
    match answer {
        Answer::Nil => 5,
        Answer::Int(number) => line(number.unsigned_abs()) + u64::from(*number < 0),
        Answer::Bytes(bytes) => string(bytes.len()),
        Answer::List(list) => line(list.len() as u64) + list.iter().map(read).sum::<u64>(),
        Answer::Error(text) => text.len() as u64 + 3,
    }
}

/// A string with its length in front, and two line ends.
fn string(length: usize) -> u64 {
    let length = length as u64;
    line(length) + length + 2
}

/// A mark, a number and a line end.
fn line(number: u64) -> u64 {
    u64::from(number.checked_ilog10().unwrap_or(0)) + 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_protocol() {
        let bytes = |text: &str| Answer::Bytes(text.as_bytes().to_vec());
        assert_eq!(
            written(&request(["XLEN", "orders"])),
            b"*2\r\n$4\r\nXLEN\r\n$6\r\norders\r\n".len() as u64
        );
        for (answer, text) in [
            (Answer::Nil, "$-1\r\n"),
            (Answer::Int(-12), ":-12\r\n"),
            (Answer::Int(0), ":0\r\n"),
            (bytes("0123456789"), "$10\r\n0123456789\r\n"),
            (Answer::Error("ERR no".to_owned()), "-ERR no\r\n"),
            (
                Answer::List(vec![bytes("a"), Answer::Int(1)]),
                "*2\r\n$1\r\na\r\n:1\r\n",
            ),
        ] {
            assert_eq!(read(&answer), text.len() as u64, "{text:?}");
        }
    }

    #[test]
    fn the_time_of_the_server_is_between_two_of_its_clock() {
        let time = |micros: i64| Answer::List(vec![Answer::Int(7), Answer::Int(micros)]);
        let meter = Meter::default();
        let asked = |answers: Vec<Answer>| {
            let requests = [request(["XLEN", "orders"])];
            let sent = |requests: &[Request]| {
                assert_eq!(requests.len(), answers.len());
                Ok(answers.clone())
            };
            meter.ask(&requests, sent).unwrap()
        };
        meter.begin(true);
        for _ in 0..2 {
            let answers = asked(vec![time(100), Answer::Int(3), time(130)]);
            assert_eq!(answers, [Answer::Int(3)]);
        }
        let cost = meter.cost();
        assert_eq!(cost.server_time, Some(Duration::from_micros(60)));
        assert_eq!((cost.round_trips, cost.calls, cost.received), (2, 2, 8));
        // A server that doesn't say is not measured.
        asked(vec![Answer::Nil, Answer::Int(3), time(130)]);
        assert_eq!(meter.cost().server_time, None);
        meter.begin(false);
        asked(vec![Answer::Int(3)]);
        assert_eq!(meter.cost().calls, 1);
    }
}
