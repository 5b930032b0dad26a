//! Values of single fields: to text and bytes, and back.

mod number;
mod text;
mod time;
mod value;

pub use self::value::{FromField, ToField};
