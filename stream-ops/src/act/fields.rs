//! Fields of entries as JSON, byte for byte: text as it is, other bytes as
//! `{"hex": "00ff"}`.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A name and a value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);

/// A name or a value.
pub(super) fn written(bytes: &[u8]) -> Value {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut hex = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    json!({ "hex": hex })
}

/// Reads the output of [`written`]; also a number or a boolean, as its text.
pub(super) fn read(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::String(text) => Ok(text.clone().into_bytes()),
        Value::Number(number) => Ok(number.to_string().into_bytes()),
        Value::Bool(flag) => Ok(flag.to_string().into_bytes()),
        Value::Object(object) => match object.get("hex") {
            Some(Value::String(hex)) if object.len() == 1 => from_hex(hex),
            _ => Err(wanted()),
        },
        Value::Null | Value::Array(_) => Err(wanted()),
    }
}

/// Pairs, in order: `[["name", "value"], …]`, or an object.
pub(super) fn pairs(value: &Value) -> Result<Vec<Pair>, String> {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| {
                let value = read(value).map_err(|e| format!("the field `{name}`: {e}"))?;
                Ok((name.clone().into_bytes(), value))
            })
            .collect(),
        Value::Array(list) => list
            .iter()
            .map(|pair| match pair.as_array().map(Vec::as_slice) {
                Some([name, value]) => Ok((read(name)?, read(value)?)),
                _ => Err("a field is a pair: [\"name\", \"value\"]".to_owned()),
            })
            .collect(),
        _ => Err("fields are an object, or pairs in a list".to_owned()),
    }
}

fn from_hex(hex: &str) -> Result<Vec<u8>, String> {
    let digits = hex.as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok()?;
        let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
        u8::from_str_radix(text, 16).ok().filter(|_| is_hex)
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes
        .filter(|_| rest.is_empty())
        .ok_or_else(|| "\"hex\" takes hexadecimal digits, two for each byte".to_owned())
}

fn wanted() -> String {
    "expected text, a number, true, false or {\"hex\": \"00ff\"}".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back() {
        for bytes in [b"".as_slice(), b"caf\xc3\xa9", b"\x00\xff\x7f", b"\xc3"] {
            assert_eq!(read(&written(bytes)).unwrap(), bytes);
        }
        assert_eq!(written(b"\xff\x00"), json!({ "hex": "ff00" }));
        assert_eq!(read(&json!(12.5)).unwrap(), b"12.5");
        for wrong in [
            json!(null),
            json!([1]),
            json!({"hex": "f"}),
            json!({"hex": "+1"}),
            json!({}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn fields_keep_their_order_and_their_doubles() {
        let list = json!([["a", "1"], ["a", 2], ["b", {"hex": "00"}]]);
        let fields = pairs(&list).unwrap();
        assert_eq!(fields.len(), 3);
        assert_eq!(fields[2], (b"b".to_vec(), vec![0]));
        assert_eq!(pairs(&json!({"z": "1", "a": true})).unwrap()[0].0, b"z");
        assert!(pairs(&json!("x")).is_err() && pairs(&json!([["a"]])).is_err());
    }
}
