use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Nothing;

#[derive(StreamMessage)]
struct Pair(u8, u8);

#[derive(StreamMessage)]
struct AllSkipped {
    #[stream(skip)]
    cache: u8,
}

fn main() {}
