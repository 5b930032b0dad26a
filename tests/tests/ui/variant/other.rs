use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    #[stream(other)]
    First,
    #[stream(other)]
    Second,
    #[stream(other)]
    Third { id: u64 },
}

#[derive(StreamMessage)]
enum Word {
    A,
    #[stream(other, alias = "b", rename = "c")]
    B(String),
}

fn main() {}
