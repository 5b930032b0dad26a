//! Readers of answers of any type.

use stream_lib::{Answer, EntryId};

/// Readers of an answer. Each returns `None` where the answer is of another type.
pub trait Answered {
    /// A number, also one written as text.
    fn number(&self) -> Option<i64>;
    /// A number that counts something.
    fn count(&self) -> Option<u64>;
    /// The bytes of a string.
    fn bytes(&self) -> Option<&[u8]>;
    /// A string; bytes that aren't UTF-8 are replaced.
    fn text(&self) -> Option<String>;
    /// The id of an entry.
    fn id(&self) -> Option<EntryId>;
    /// The elements of a list; an empty list for anything else.
    fn list(&self) -> &[Answer];
    /// The value after `name` in a list of names and values.
    fn field(&self, name: &str) -> Option<&Answer>;
    /// The line of an error.
    fn error(&self) -> Option<&str>;
}

impl Answered for Answer {
    fn number(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.trim().parse().ok(),
            _ => None,
        }
    }

    fn count(&self) -> Option<u64> {
        self.number().and_then(|number| u64::try_from(number).ok())
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn text(&self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn id(&self) -> Option<EntryId> {
        EntryId::parse(self.bytes()?).ok()
    }

    fn list(&self) -> &[Answer] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    fn field(&self, name: &str) -> Option<&Answer> {
        pairs(self.list())
            .find(|(key, _)| key.bytes() == Some(name.as_bytes()))
            .map(|(_, value)| value)
    }

    fn error(&self) -> Option<&str> {
        match self {
            Self::Error(line) => Some(line),
            _ => None,
        }
    }
}

/// The pairs in a list of names and values.
pub fn pairs(list: &[Answer]) -> impl Iterator<Item = (&Answer, &Answer)> {
    list.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name, value)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Answer {
        Answer::Bytes(text.as_bytes().to_vec())
    }

    #[test]
    fn fields_are_found_by_name_and_others_are_none() {
        let list = Answer::List(vec![
            bytes("lag"),
            Answer::Int(3),
            bytes("id"),
            bytes("7-1"),
        ]);
        assert_eq!(list.field("lag").and_then(Answered::count), Some(3));
        let id = list.field("id").and_then(Answered::id);
        assert_eq!(id, Some(EntryId::new(7, 1)));
        assert_eq!(list.field("none"), None);
        assert_eq!(Answer::Nil.number(), None);
        assert_eq!(Answer::Int(-1).count(), None);
        assert_eq!(bytes("12").count(), Some(12));
    }
}
