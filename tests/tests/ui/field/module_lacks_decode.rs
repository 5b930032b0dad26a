use stream_lib::StreamMessage;

mod hex {
    pub fn encode(value: &u64) -> String {
        format!("{value:x}")
    }
}

#[derive(StreamMessage)]
struct Order {
    #[stream(with = "hex")]
    a: u64,
}

fn main() {}
