use stream_lib::StreamMessage;

#[derive(StreamMessage)]
struct Note<'a> {
    text: &'a str,
}

#[derive(StreamMessage)]
struct Label {
    text: &'static str,
}

fn owned<T: stream_lib::OwnedMessage>() {}

fn call() {
    owned::<Note<'static>>();
    owned::<Label>();
}

fn main() {}
