use std::fmt;

use stream_lib::StreamMessage;

struct Neither;

struct OnlyShown;

impl fmt::Display for OnlyShown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shown")
    }
}

#[derive(StreamMessage)]
struct Order {
    #[stream(text)]
    a: Neither,
    #[stream(text)]
    b: Option<OnlyShown>,
}

fn main() {}
