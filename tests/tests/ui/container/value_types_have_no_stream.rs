use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = "statuses", deny_unknown_fields)]
enum Status {
    Open,
    Closed,
}

#[derive(StreamMessage)]
#[stream(name = "ids", rename_all = "camelCase")]
struct Id(u64);

fn main() {}
