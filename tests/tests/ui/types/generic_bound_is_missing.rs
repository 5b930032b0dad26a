use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Envelope<T> {
    value: T,
}

struct Opaque;

fn message<T: StreamMessage>() {}

fn call() {
    message::<Envelope<u8>>();
    message::<Envelope<Opaque>>();
}

fn main() {}
