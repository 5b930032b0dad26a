use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Pair(u8, u8),
    Nothing(),
    #[stream(rename_all = "camelCase")]
    Unit,
    Attributed(#[stream(rename = "x")] Inner),
}

#[derive(StreamMessage)]
struct Inner {
    id: u64,
}

fn main() {}
