use stream_lib::StreamMessage;

#[derive(StreamMessage)]
union Bits {
    a: u32,
    b: f32,
}

fn main() {}
