//! Shortened texts.

/// The beginning of a text: whole characters, at most `most` bytes.
pub(super) fn shortened(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("short", 200), "short");
        assert_eq!(shortened(&"ä".repeat(150), 200).len(), 200);
        assert_eq!(shortened(&"ä".repeat(150), 199).len(), 198);
        assert_eq!(shortened("ä", 1), "");
    }
}
