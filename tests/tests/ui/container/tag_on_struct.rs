use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind", rename_all_fields = "camelCase")]
struct Order {
    id: u64,
}

fn main() {}
