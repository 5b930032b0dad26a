//! Texts of any program, made safe for a terminal, a shell and JSON.

use std::fmt::Write as _;

/// Bytes as text that is safe on a terminal: all but printable UTF-8 is escaped, as
/// `\x1b`.
pub fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_control() || is_invisible(c) => {
                    let mut buffer = [0; 4];
                    for byte in c.encode_utf8(&mut buffer).bytes() {
                        let _ = write!(text, "\\x{byte:02x}");
                    }
                }
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// As [`shown`], with line feeds as they are.
pub fn shown_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| shown(line.as_bytes())).collect();
    lines.join("\n")
}

/// Characters that change the direction of text, or are invisible.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// JSON that is safe on a terminal: what [`shown`] escapes, and JSON doesn't, is escaped as
/// `\u009b`. Such characters stand within strings only, so the values stay the same.
pub fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_control() || is_invisible(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// A word quoted for a shell.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    let shown = shown(word.as_bytes());
    if shown != word {
        // bash and zsh read this form, and it is safe on a terminal. Its own backslashes
        // come before those that `shown` adds.
        let shown = self::shown(word.replace('\\', "\\\\").as_bytes());
        return format!("$'{}'", shown.replace('\'', "\\'"));
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_moves_the_cursor() {
        assert_eq!(shown(b"plain \xc3\xa9"), "plain é");
        assert_eq!(shown(b"\x1b[2J\n\xff\x00"), "\\x1b[2J\\n\\xff\\x00");
        assert_eq!(shown("a\u{202e}b".as_bytes()), "a\\xe2\\x80\\xaeb");
        assert_eq!(shown_lines("a\u{1b}\nb"), "a\\x1b\nb");
        assert_eq!(quoted("{shop}:orders"), "'{shop}:orders'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("a\u{1b}'"), "$'a\\x1b\\''");
        assert_eq!(quoted("a\\b\u{1b}"), "$'a\\\\b\\x1b'");
        assert_eq!(quoted("a\\b"), "'a\\b'");
        for hidden in [
            '\u{61c}',
            '\u{ad}',
            '\u{fffa}',
            '\u{e0041}',
            '\u{9b}',
            '\u{7f}',
        ] {
            let text = shown(format!("a{hidden}").as_bytes());
            assert!(text.starts_with("a\\x"), "{text}");
        }
        let value = serde_json::json!({ "a": "\u{9b}\u{202e}\u{e0041}\u{7f}\n\\é" });
        let text = escaped(&value.to_string());
        assert!(
            text.contains("\\u009b\\u202e\\udb40\\udc41\\u007f\\n\\\\é"),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }
}
