use stream_lib::StreamMessage;

#[derive(StreamMessage)]
enum Never {}

fn main() {}
