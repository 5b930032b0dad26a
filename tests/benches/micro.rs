//! Encoding and decoding one order, and the cost of concurrent calls of `add`:
//! `cargo bench -p stream-tests --bench micro`. `make bench` measures the first two by
//! instructions, without a clock.

#[path = "speed/message.rs"]
#[allow(dead_code, reason = "the other benchmark uses the rest")]
mod message;

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use stream_lib::__private::{self as internals, Callers};
use stream_lib::{OwnedMessage, RawMessage, StreamMessage};

use self::message::{HandOrder, Order, Payload};

fn main() {
    divan::main();
}

trait Sample: StreamMessage + Clone {
    fn sample() -> Self;
}

impl Sample for Order {
    fn sample() -> Self {
        Self::number(1)
    }
}

impl Sample for HandOrder {
    fn sample() -> Self {
        Self(Order::number(1))
    }
}

impl Sample for Payload {
    fn sample() -> Self {
        Self::new()
    }
}

impl Sample for RawMessage {
    fn sample() -> Self {
        let order = Order::number(1).words();
        let pairs = order.as_chunks::<2>().0;
        pairs
            .iter()
            .fold(Self::new(), |raw, [name, value]| raw.with(name, value))
    }
}

#[divan::bench(types = [Order, HandOrder, Payload, RawMessage])]
fn encode<M: Sample>(bencher: Bencher<'_, '_>) {
    let message = M::sample();
    let mut command = Vec::with_capacity(1 << 10);
    bencher.bench_local(|| {
        command.clear();
        black_box(&message).encode(&mut internals::writer(&mut command))
    });
}

#[divan::bench(types = [Order, HandOrder, Payload, RawMessage])]
fn decode<M: Sample + OwnedMessage>(bencher: Bencher<'_, '_>) {
    let Ok(entry) = RawMessage::from_message(&M::sample()) else {
        unreachable!("the samples can be written");
    };
    bencher.bench_local(|| M::decode(black_box(&entry).fields()));
}

/// One thread never waits; of several, some wait for others.
#[divan::bench(threads = [1, 2, 16])]
fn coalesce(bencher: Bencher<'_, '_>) {
    static CALLERS: LazyLock<Callers> = LazyLock::new(|| Callers::new(2));
    bencher.bench(|| CALLERS.pass(black_box(7)));
}
