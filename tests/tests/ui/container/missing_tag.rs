use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = "events")]
enum Event {
    Created { id: u64 },
    Deleted,
}

fn main() {}
