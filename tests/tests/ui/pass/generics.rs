use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use stream_lib::{OwnedMessage, RawMessage, StreamMessage};

#[derive(StreamMessage)]
#[stream(name = "generic")]
struct Order<'a, T: Debug + ?Sized, K, V = u8, const N: usize = 4>
where
    K: Hash + Eq,
{
    id: &'a T,
    note: Cow<'a, str>,
    #[stream(json)]
    map: HashMap<K, V>,
    bytes: [u8; N],
    #[stream(skip)]
    marker: PhantomData<V>,
}

#[derive(StreamMessage)]
struct Owned<T, J, M, I: Iterator> {
    value: Option<T>,
    item: I::Item,
    #[stream(json)]
    json: J,
    #[stream(flatten)]
    message: M,
    #[stream(skip)]
    left_out: PhantomData<I>,
}

#[derive(StreamMessage)]
#[stream(tag = "kind", rename_all = "snake_case")]
enum Event<M, T> {
    Message(M),
    Value { value: T },
}

#[derive(StreamMessage)]
struct Wrapper<T>(T);

fn owned<T: OwnedMessage>() {}

fn all<T, J: Serialize + DeserializeOwned, M: OwnedMessage>()
where
    T: stream_lib::message::ToField + stream_lib::message::FromField,
{
    owned::<Owned<T, J, M, std::vec::IntoIter<u8>>>();
    owned::<Event<M, T>>();
}

fn message<T: StreamMessage>(_: &T) {}

fn main() {
    all::<Wrapper<String>, Vec<u8>, RawMessage>();
    message(&Order::<'_, str, String> {
        id: "x",
        note: "y".into(),
        map: HashMap::new(),
        bytes: *b"abcd",
        marker: PhantomData,
    });
}
