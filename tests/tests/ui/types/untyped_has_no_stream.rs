use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Note {
    text: String,
}

fn routed<T: stream_lib::Routed>() {}

fn call() {
    routed::<Note>();
    routed::<stream_lib::RawMessage>();
}

fn main() {}
