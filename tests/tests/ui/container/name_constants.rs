use stream_lib::StreamMessage;

const EMPTY: &str = "";
const NUMBER: u8 = 7;

mod names {
    pub const STRAY: &str = "{}:orders";
}

#[derive(StreamMessage)]
#[stream(name = EMPTY)]
struct Empty {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = names::STRAY)]
struct Stray {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = NUMBER)]
struct Number {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = concat!("or", "ders"))]
struct Expression {
    id: u64,
}

#[derive(StreamMessage)]
#[stream(name = EMPTY)]
struct Generic<T> {
    id: T,
}

fn main() {
    let message = Generic { id: 7 };
    let _ = stream_lib::RawMessage::from_message(&message);
}
