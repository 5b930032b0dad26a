use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(name = "", rename_all = "nocase", tag = "kind")]
struct Order {
    #[stream(rename = "~id")]
    id: u64,
    #[stream(json, with = "m", colour)]
    b: u64,
    #[stream(alias = "b")]
    c: u64,
}

fn uses<T: stream_lib::OwnedMessage + stream_lib::Routed>() {}

fn call() {
    // Mistakes above are not repeated here.
    uses::<Order>();
}

fn main() {}
