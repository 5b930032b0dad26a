use stream_lib::{Routed, StreamMessage};

const ORDERS: &str = "{shop}:orders";

mod names {
    pub(crate) const PAYMENTS: &str = "payments";
}

#[derive(StreamMessage)]
#[stream(name = ORDERS)]
struct Order<T> {
    id: T,
}

#[derive(StreamMessage)]
#[stream(tag = "kind", name = crate::names::PAYMENTS)]
enum Payment {
    Made {},
}

#[derive(StreamMessage)]
#[stream(name = Self::NAME)]
struct Refund {
    id: u64,
}

impl Refund {
    const NAME: &str = "refunds";
}

macro_rules! message {
    ($stream:path) => {
        #[derive(StreamMessage)]
        #[stream(name = $stream)]
        struct Made {
            id: u64,
        }
    };
}

message!(names::PAYMENTS);

fn main() {
    assert_eq!(Order::<u8>::STREAM, "{shop}:orders");
    assert_eq!(Order::<u8>::SCHEMA.stream, Some("{shop}:orders"));
    assert_eq!(Payment::STREAM, "payments");
    assert_eq!(Refund::STREAM, "refunds");
    assert_eq!(Refund::SCHEMA.stream, Some("refunds"));
    assert_eq!(Made::STREAM, "payments");
}
