use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Address {
    #[stream(alias = "town")]
    city: String,
}

#[derive(StreamMessage)]
struct Order {
    town: String,
    #[stream(flatten)]
    address: Address,
}

#[derive(StreamMessage)]
#[stream(tag = "city")]
enum Event {
    Moved(Address),
}

fn main() {}
