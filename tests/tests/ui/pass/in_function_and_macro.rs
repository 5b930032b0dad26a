use stream_lib::{RawMessage, StreamMessage};

macro_rules! message {
    ($name:ident { $($field:ident: $ty:ty = $wire:literal),* }) => {
        #[derive(StreamMessage)]
        struct $name {
            $(#[stream(rename = $wire)] $field: $ty,)*
        }
    };
}

message!(Made { id: u64 = "ID", text: Option<String> = "TEXT" });

fn main() {
    #[derive(StreamMessage)]
    struct Local {
        id: u64,
    }

    let made = Made { id: 1, text: None };
    assert_eq!(RawMessage::from_message(&made).unwrap().get_str("ID"), Some("1"));
    assert_eq!(RawMessage::from_message(&Local { id: 2 }).unwrap().get_str("id"), Some("2"));
    assert!(made.text.is_none());
}
