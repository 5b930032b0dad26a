use stream_lib::StreamMessage;

#[derive(StreamMessage)]
#[stream(tag = "~kind")]
enum Event {
    Created {
        #[stream(rename = "~id")]
        id: u64,
        #[stream(alias = "~reason")]
        reason: String,
        #[stream(rename = "")]
        empty: u8,
    },
    #[stream(rename = "")]
    Empty,
}

fn main() {}
