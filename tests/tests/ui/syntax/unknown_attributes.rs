use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(stream = "orders", rename_al = "camelCase")]
struct Order {
    #[stream(renam = "order_id")]
    id: u64,
    #[stream(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[stream(tag = "x")]
    tag: String,
    #[stream(frobnicate)]
    last: u8,
}

fn main() {}
