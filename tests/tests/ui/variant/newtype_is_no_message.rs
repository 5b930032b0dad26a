use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Number(u64),
}

fn main() {}
