use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(rename_all = "lowercase")]
struct Order {
    id: u64,
    #[stream(rename = "id")]
    number: u64,
    #[stream(alias = "number", alias = "id", alias = "other")]
    second: u64,
    #[stream(alias = "second")]
    third: u64,
    #[stream(alias = "fourth")]
    fourth: u64,
}

fn main() {}
