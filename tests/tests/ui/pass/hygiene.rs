//! No name in the user's scope interferes.
#![no_implicit_prelude]
#![allow(dead_code, non_camel_case_types)]

use ::stream_lib::StreamMessage;

struct Option;
struct Result;
struct Some;
struct None;
struct Ok;
struct Err;
struct Vec;
struct String;
trait ToField {}
trait FromField {}
mod core {}
mod std {}
mod stream_lib {}

#[derive(StreamMessage)]
#[stream(name = "orders", deny_unknown_fields)]
struct Order<__T> {
    fields: u8,
    name: u8,
    value: u8,
    out: u8,
    this: u8,
    claims: u8,
    __fields: u8,
    __out: u8,
    r#type: __T,
    #[stream(default)]
    error: u8,
    #[stream(flatten)]
    held: Inner,
    #[stream(json, default)]
    json: ::std::vec::Vec<u8>,
    #[stream(skip)]
    skip: u8,
}

#[derive(StreamMessage)]
struct Inner {
    inner: ::std::string::String,
    note: ::std::option::Option<u8>,
}

#[derive(StreamMessage)]
#[stream(tag = "kind")]
enum Event {
    Some { fields: u8, out: u8, this: u8, held: u8 },
    None,
    Ok(Inner),
    #[stream(other)]
    Err,
}

#[derive(StreamMessage)]
enum Word {
    Some,
    None,
    #[stream(other)]
    Ok(::std::string::String),
}

#[derive(StreamMessage)]
struct Id(::std::string::String);

fn main() {}
