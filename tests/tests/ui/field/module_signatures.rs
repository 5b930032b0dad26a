use stream_lib::StreamMessage;

#[derive(Clone)]
pub struct Price(u64);

mod by_value {
    use super::Price;

    pub fn encode(value: Price) -> String {
        value.0.to_string()
    }

    pub fn decode(bytes: Vec<u8>) -> Result<Price, String> {
        Ok(Price(bytes.len() as u64))
    }
}

mod of_another_type {
    pub fn encode(value: &str) -> String {
        value.to_owned()
    }

    pub fn decode(_: &[u8]) -> Result<String, String> {
        Err("no".to_owned())
    }
}

mod without_bytes_or_result {
    use super::Price;

    pub fn encode(value: &Price) -> u64 {
        value.0
    }

    pub fn decode(_: &[u8]) -> Option<Price> {
        None
    }
}

mod with_an_error_that_is_not_shown {
    use super::Price;

    pub fn encode(value: &Price) -> Vec<u8> {
        value.0.to_be_bytes().to_vec()
    }

    pub fn decode(_: &[u8]) -> Result<Price, ()> {
        Err(())
    }
}

mod of_the_option {
    use super::Price;

    pub fn encode(value: &Option<Price>) -> String {
        value.as_ref().map_or(String::new(), |price| price.0.to_string())
    }

    pub fn decode(_: &[u8]) -> Result<Option<Price>, String> {
        Ok(None)
    }
}

#[derive(StreamMessage)]
struct Order {
    #[stream(with = "by_value")]
    a: Price,
    #[stream(with = "of_another_type")]
    b: Price,
    #[stream(with = "without_bytes_or_result")]
    c: Price,
    #[stream(with = "with_an_error_that_is_not_shown", default = "free")]
    d: Price,
    #[stream(with = "of_the_option")]
    e: Option<Price>,
}

fn free() -> Price {
    Price(0)
}

#[derive(StreamMessage)]
struct Wrapped(#[stream(with = "by_value")] Price);

fn main() {}
