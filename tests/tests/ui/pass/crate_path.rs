mod vendored {
    pub use stream_lib::*;
}

use vendored::{OwnedMessage, StreamMessage};

#[derive(StreamMessage)]
#[stream(crate = "crate::vendored", name = "orders")]
struct Order {
    id: u64,
    #[stream(flatten)]
    part: Part,
}

#[derive(StreamMessage)]
#[stream(crate = "vendored")]
struct Part {
    weight: f32,
}

fn owned<T: OwnedMessage>() {}

fn main() {
    owned::<Order>();
}
