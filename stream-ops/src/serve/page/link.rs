//! Addresses of pages.

use std::fmt::Write as _;

/// A page of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// All streams.
    Overview,
    /// One stream.
    Stream(String),
    /// One group: stream and group.
    Group(String, String),
    /// The dead letters of all streams.
    AllDead,
    /// The dead letters of one stream.
    Dead(String),
    /// The messages of all streams.
    AllMessages,
    /// The messages of a stream.
    Messages(String),
    /// One message: stream and id.
    Message(String, String),
    /// Scheduled messages and recurring jobs of all streams.
    AllSchedules,
    /// The scheduled messages and jobs of one stream.
    Schedules(String),
    /// Redis, and the audit.
    System,
    /// A running change: its id.
    Work(String),
}

impl Page {
    /// Its address, without a query.
    pub fn link(&self) -> String {
        match self {
            Self::Overview => "/".to_owned(),
            Self::Stream(stream) => format!("/streams/{}", coded(stream)),
            Self::Group(stream, group) => {
                format!("/streams/{}/groups/{}", coded(stream), coded(group))
            }
            Self::AllDead => "/dead".to_owned(),
            Self::Dead(stream) => format!("/streams/{}/dead", coded(stream)),
            Self::AllMessages => "/messages".to_owned(),
            Self::Messages(stream) => format!("/streams/{}/messages", coded(stream)),
            Self::Message(stream, id) => {
                format!("/streams/{}/messages/{}", coded(stream), coded(id))
            }
            Self::AllSchedules => "/schedules".to_owned(),
            Self::Schedules(stream) => format!("/streams/{}/schedules", coded(stream)),
            Self::System => "/system".to_owned(),
            Self::Work(id) => format!("/changes/{}", coded(id)),
        }
    }

    /// The page of a path, and whether the path ends in `.json` and asks for JSON.
    pub fn of(path: &str) -> Option<(Self, bool)> {
        // Dots in names are coded, so a name never ends in `.json`.
        let (path, is_json) = match path.strip_suffix(".json") {
            Some("/overview") => ("/", true),
            Some(path) => (path, true),
            None => (path, false),
        };
        let parts: Option<Vec<String>> = path.split('/').skip(1).map(decoded).collect();
        let parts = parts?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let own = str::to_owned;
        let page = match parts.as_slice() {
            [""] => Self::Overview,
            ["dead"] => Self::AllDead,
            ["messages"] => Self::AllMessages,
            ["schedules"] => Self::AllSchedules,
            ["system"] => Self::System,
            ["changes", id] => Self::Work(own(id)),
            ["streams", stream] => Self::Stream(own(stream)),
            ["streams", stream, "dead"] => Self::Dead(own(stream)),
            ["streams", stream, "messages"] => Self::Messages(own(stream)),
            ["streams", stream, "messages", id] => Self::Message(own(stream), own(id)),
            ["streams", stream, "schedules"] => Self::Schedules(own(stream)),
            ["streams", stream, "groups", group] => Self::Group(own(stream), own(group)),
            _ => return None,
        };
        Some((page, is_json))
    }
}

/// A part of a path, or a value of a query. Dots are coded too.
pub(crate) fn coded(part: &str) -> String {
    let mut coded = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_~".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            let _ = write!(coded, "%{byte:02X}");
        }
    }
    coded
}

fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_back_to_their_pages() {
        let odd = "{shop}:a/b.json?x=1&y#z %é".to_owned();
        for page in [
            Page::Overview,
            Page::System,
            Page::AllDead,
            Page::AllMessages,
            Page::AllSchedules,
            Page::Work(odd.clone()),
            Page::Stream(odd.clone()),
            Page::Group(odd.clone(), odd.clone()),
            Page::Dead(odd.clone()),
            Page::Messages(odd.clone()),
            Page::Message(odd.clone(), "1-0".to_owned()),
            Page::Schedules(odd),
        ] {
            let link = page.link();
            assert_eq!(Page::of(&link), Some((page.clone(), false)), "{link}");
            if page != Page::Overview {
                assert_eq!(Page::of(&format!("{link}.json")), Some((page, true)));
            }
        }
        assert_eq!(Page::of("/overview.json"), Some((Page::Overview, true)));
        for other in [
            "/nothing",
            "/streams",
            "/streams/a/b/c/d",
            "/%",
            "/%zz",
            "/%ff",
            "//",
        ] {
            assert_eq!(Page::of(other), None, "{other}");
        }
    }
}
