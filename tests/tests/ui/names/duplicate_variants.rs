use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Created { id: u64 },
    #[stream(rename = "Created")]
    Made { id: u64 },
    #[stream(alias = "Made", alias = "Gone")]
    Deleted,
    Gone,
}

#[derive(StreamMessage)]
enum Word {
    A,
    #[stream(alias = "A")]
    B,
}

fn main() {}
