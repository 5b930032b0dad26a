use proptest::prelude::*;
use redis::Value;

use crate::connection::scan::{Limits, Progress, ProtocolError, Scanner, Token};

fn scan(bytes: &[u8]) -> Result<(usize, Vec<Token>), String> {
    scan_within(bytes, Limits::DEFAULT)
}

fn scan_within(bytes: &[u8], limits: Limits) -> Result<(usize, Vec<Token>), String> {
    let mut scanner = Scanner::new(limits);
    match scanner.scan(bytes) {
        Ok(Progress::Whole(length)) => Ok((length, scanner.take_tokens())),
        Ok(Progress::Missing(bytes)) => Err(format!("missing {bytes}")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn every_type_is_scanned() {
    let bytes = b"*7\r\n$3\r\nabc\r\n$-1\r\n*-1\r\n:-42\r\n+OK\r\n-ERR x\r\n*0\r\nNEXT";
    let (length, tokens) = scan(bytes).unwrap();
    assert_eq!(length, bytes.len() - 4);
    let expected = [
        Token::Array(7),
        Token::Bulk { start: 8, end: 11 },
        Token::Nil,
        Token::Nil,
        Token::Int(-42),
        Token::Simple { start: 30, end: 32 },
        Token::Error { start: 35, end: 40 },
        Token::Array(0),
    ];
    assert_eq!(tokens, expected);
}

#[test]
fn numbers_reach_both_ends() {
    for value in [0, 1, -1, i64::MAX, i64::MIN] {
        let (_, tokens) = scan(format!(":{value}\r\n").as_bytes()).unwrap();
        assert_eq!(tokens, [Token::Int(value)]);
    }
    for text in [
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999",
    ] {
        let error = scan(format!(":{text}\r\n").as_bytes()).unwrap_err();
        assert!(error.contains("too large"), "{error}");
    }
}

#[test]
fn deviations_from_resp2_are_errors() {
    for bytes in [
        &b"x"[..],
        b"\r\n",
        b"%1\r\n",
        b"_\r\n",
        b"$x\r\n",
        b"$\r\n\r\n",
        b"$-2\r\n",
        b"$-\r\n",
        b"$+1\r\na\r\n",
        b"$1\ra\r\n",
        b"$1\r\nab\r\n",
        b"$1\r\na\rb",
        b"*-2\r\n",
        b"*4294967296\r\n",
        b":1 \r\n",
        b":\r\n",
        b"+a\nb\r\n",
        b"+a\rb\r\n",
        b"*1\r\n*1\r\n!",
    ] {
        let error = scan(bytes).unwrap_err();
        assert!(!error.starts_with("missing"), "{bytes:?}: {error}");
    }
}

#[test]
fn limits_are_kept() {
    let limits = Limits {
        depth: 2,
        tokens: 4,
        bulk: 5,
        line: 6,
        reply: 30,
    };
    for (bytes, problem) in [
        (&b"$6\r\n"[..], "bulk string is too long"),
        (b"*5\r\n", "too many values"),
        (b"*3\r\n*2\r\n:1\r\n:1\r\n:1\r\n", "too many values"),
        (b"*1\r\n*1\r\n*1\r\n", "nested too deeply"),
        (b"+abcdefg", "line is too long"),
        (b"-abcdefg\r\n", "line is too long"),
        (
            b"*3\r\n$5\r\nabcde\r\n$5\r\nabcde\r\n$5\r\n",
            "reply is too long",
        ),
        (
            b"*3\r\n:1000000\r\n:1000000\r\n:1000000\r\n",
            "reply is too long",
        ),
    ] {
        let error = scan_within(bytes, limits).unwrap_err();
        assert!(error.contains(problem), "{error}");
    }
    let fits = b"*3\r\n$5\r\nabcde\r\n*1\r\n:1\r\n*0\r\n";
    assert_eq!(
        scan_within(
            fits,
            Limits {
                tokens: 5,
                ..limits
            }
        )
        .unwrap()
        .0,
        fits.len()
    );
}

#[test]
fn a_huge_array_header_reserves_nothing() {
    let mut scanner = Scanner::new(Limits::DEFAULT);
    assert_eq!(scanner.scan(b"*16777216\r\n"), Ok(Progress::Missing(3)));
    assert!(scanner.take_tokens().capacity() < 100);
}

#[test]
fn what_a_bulk_lacks_is_known() {
    let mut scanner = Scanner::new(Limits::DEFAULT);
    assert_eq!(scanner.scan(b"$10"), Ok(Progress::Missing(1)));
    assert_eq!(
        scanner.scan(b"$10485760\r\nabc"),
        Ok(Progress::Missing(10_485_759))
    );
    let mut whole = b"$10485760\r\n".to_vec();
    whole.resize(whole.len() + 10_485_760, b'x');
    assert_eq!(scanner.scan(&whole), Ok(Progress::Missing(2)));
    whole.extend(b"\r\n");
    assert_eq!(scanner.scan(&whole), Ok(Progress::Whole(whole.len())));
}

/// A reply, written as RESP2.
#[derive(Debug, Clone)]
enum Sample {
    Nil,
    NilArray,
    Int(i64),
    Bulk(Vec<u8>),
    Simple(String),
    Error(String),
    Array(Vec<Self>),
}

impl Sample {
    /// How deep arrays with something in them stand in each other.
    fn depth(&self) -> usize {
        match self {
            Self::Array(elements) => {
                let inner = elements.iter().map(|element| 1 + element.depth());
                inner.max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.extend(b"$-1\r\n"),
            Self::NilArray => out.extend(b"*-1\r\n"),
            Self::Int(value) => out.extend(format!(":{value}\r\n").as_bytes()),
            Self::Bulk(bytes) => {
                out.extend(format!("${}\r\n", bytes.len()).as_bytes());
                out.extend(bytes);
                out.extend(b"\r\n");
            }
            Self::Simple(text) => out.extend(format!("+{text}\r\n").as_bytes()),
            Self::Error(text) => out.extend(format!("-{text}\r\n").as_bytes()),
            Self::Array(elements) => {
                out.extend(format!("*{}\r\n", elements.len()).as_bytes());
                for element in elements {
                    element.write(out);
                }
            }
        }
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let scalar = prop_oneof![
        Just(Sample::Nil),
        Just(Sample::NilArray),
        any::<i64>().prop_map(Sample::Int),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Sample::Bulk),
        "[a-z ]{0,12}".prop_map(Sample::Simple),
        "[A-Z]{1,8}( [a-z]{1,8})?".prop_map(Sample::Error),
    ];
    scalar.prop_recursive(6, 64, 8, |inner| {
        prop::collection::vec(inner, 0..8).prop_map(Sample::Array)
    })
}

/// Bytes that are no reply, or nearly one.
fn broken() -> impl Strategy<Value = Vec<u8>> {
    let nearly = (
        sample(),
        prop::collection::vec((any::<usize>(), any::<u8>()), 0..4),
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        "[*$:+\\-0-9\r\na]{0,64}".prop_map(String::into_bytes),
        nearly.prop_map(|(sample, changes)| {
            let mut bytes = Vec::new();
            sample.write(&mut bytes);
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes
        }),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let small = (
        0..4_usize,
        1..20_usize,
        0..12_usize,
        0..12_usize,
        4..80_usize,
    );
    let small = small.prop_map(|(depth, tokens, bulk, line, reply)| Limits {
        depth,
        tokens,
        bulk,
        line,
        reply,
    });
    prop_oneof![Just(Limits::DEFAULT), small]
}

/// Turns tokens into what the redis crate's parser makes of the same bytes.
fn value(bytes: &[u8], tokens: &mut impl Iterator<Item = Token>) -> Value {
    let text = |start: u32, end: u32| bytes[start as usize..end as usize].to_vec();
    match tokens.next().unwrap() {
        Token::Nil => Value::Nil,
        Token::Int(value) => Value::Int(value),
        Token::Bulk { start, end } => Value::BulkString(text(start, end)),
        Token::Simple { start, end } if text(start, end) == b"OK" => Value::Okay,
        Token::Simple { start, end } => {
            Value::SimpleString(String::from_utf8(text(start, end)).unwrap())
        }
        Token::Error { start, end } => {
            let line = [b"-", text(start, end).as_slice(), b"\r\n"].concat();
            redis::parse_redis_value(&line).unwrap()
        }
        Token::Array(count) => Value::Array((0..count).map(|_| value(bytes, tokens)).collect()),
    }
}

proptest! {
    #[test]
    fn valid_replies_mean_what_the_redis_crate_says(sample in sample()) {
        let mut bytes = Vec::new();
        sample.write(&mut bytes);
        let (length, tokens) = scan(&bytes).unwrap();
        prop_assert_eq!(length, bytes.len());
        let mut tokens = tokens.into_iter();
        prop_assert_eq!(value(&bytes, &mut tokens), redis::parse_redis_value(&bytes).unwrap());
        prop_assert_eq!(tokens.next(), None);
    }

    #[test]
    fn a_reply_cut_anywhere_gives_the_same_tokens(sample in sample(), other in sample()) {
        let mut bytes = Vec::new();
        sample.write(&mut bytes);
        let whole = bytes.len();
        other.write(&mut bytes);
        let (_, tokens) = scan(&bytes).unwrap();
        let mut scanner = Scanner::new(Limits::DEFAULT);
        for cut in 0..whole {
            scanner.begin();
            let Ok(Progress::Missing(missing)) = scanner.scan(&bytes[..cut]) else {
                panic!("cut at {cut}");
            };
            prop_assert!(missing > 0 && cut + missing <= whole);
            prop_assert_eq!(scanner.scan(&bytes), Ok(Progress::Whole(whole)));
            prop_assert_eq!(scanner.tokens(), &tokens);
        }
        // And byte by byte.
        scanner.begin();
        for end in 0..whole {
            prop_assert!(matches!(scanner.scan(&bytes[..end]), Ok(Progress::Missing(_))));
        }
        prop_assert_eq!(scanner.scan(&bytes), Ok(Progress::Whole(whole)));
        prop_assert_eq!(scanner.tokens(), &tokens);
    }

    #[test]
    fn cuts_do_not_change_the_verdict(bytes in broken(), limits in limits()) {
        let mut at_once = Scanner::new(limits);
        let expected = at_once.scan(&bytes);
        let mut stepwise = Scanner::new(limits);
        let mut last: Result<Progress, ProtocolError> = Ok(Progress::Missing(1));
        for end in 0..=bytes.len() {
            last = stepwise.scan(&bytes[..end]);
            if !matches!(last, Ok(Progress::Missing(_))) {
                break;
            }
        }
        prop_assert_eq!(last, expected);
        prop_assert_eq!(stepwise.tokens(), at_once.tokens());
        prop_assert!(at_once.tokens().len() <= limits.tokens);
        if let Ok(Progress::Whole(length)) = expected {
            prop_assert!(length <= bytes.len().min(limits.reply));
            for token in at_once.tokens() {
                if let Token::Bulk { start, end }
                | Token::Simple { start, end }
                | Token::Error { start, end } = *token
                {
                    prop_assert!(start <= end && end as usize <= length);
                }
            }
        }
    }

    #[test]
    fn a_reply_beyond_a_limit_is_an_error_and_one_within_is_not(sample in sample()) {
        let mut bytes = Vec::new();
        sample.write(&mut bytes);
        let tokens = scan(&bytes).unwrap().1.len();
        let fits = Limits { tokens, reply: bytes.len(), depth: sample.depth(), ..Limits::DEFAULT };
        prop_assert!(scan_within(&bytes, fits).is_ok());
        let few = Limits { tokens: tokens - 1, ..fits };
        prop_assert!(scan_within(&bytes, few).unwrap_err().contains("too many values"));
        let short = Limits { reply: bytes.len() - 1, ..fits };
        prop_assert!(scan_within(&bytes, short).unwrap_err().contains("reply is too long"));
        if let Some(depth) = fits.depth.checked_sub(1) {
            let flat = Limits { depth, ..fits };
            prop_assert!(scan_within(&bytes, flat).unwrap_err().contains("nested too deeply"));
        }
    }
}
