use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Id(#[stream(rename = "id", default)] u64);

#[derive(StreamMessage)]
struct Inner(#[stream(flatten)] u64);

fn main() {}
