use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Created { kind: String },
    Deleted {
        #[stream(alias = "kind")]
        what: String,
    },
}

fn main() {}
