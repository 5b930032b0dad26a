//! The messages: an order of four fields, with 75 bytes of names and values, and a
//! payload of one field with as many bytes.

use stream_lib::StreamMessage;
use stream_lib::message::{
    DecodeError, EncodeError, FieldError, FieldWriter, Fields, FromField, Schema,
};
use stream_lib::prelude::*;

/// The order of the acceptance tests.
#[allow(
    clippy::struct_field_names,
    reason = "the fields are what people call them"
)]
#[derive(Debug, Clone, PartialEq, StreamMessage)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) user_id: u64,
    pub(crate) amount: f64,
    pub(crate) status: String,
}

/// The same fields, with handwritten code.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HandOrder(pub(crate) Order);

/// One field, as the peer sends it.
#[derive(Debug, Clone, StreamMessage)]
pub(crate) struct Payload {
    pub(crate) msg: String,
}

/// Names and values of an order.
pub(crate) const ORDER_BYTES: usize = 75;

impl Order {
    /// The order of this number. All are equally long.
    pub(crate) fn number(number: usize) -> Self {
        Self {
            order_id: format!("ORD-{number:017}"),
            user_id: 1_000_000_000 + number as u64,
            amount: 1299.99,
            status: "processing".to_owned(),
        }
    }

    pub(crate) fn numbers(count: usize) -> Vec<Self> {
        (0..count).map(Self::number).collect()
    }

    /// Its number.
    pub(crate) fn which(&self) -> usize {
        usize::try_from(self.user_id.saturating_sub(1_000_000_000)).unwrap_or(usize::MAX)
    }

    /// Names and values as they are in the entry.
    pub(crate) fn words(&self) -> [String; 8] {
        [
            "order_id".to_owned(),
            self.order_id.clone(),
            "user_id".to_owned(),
            self.user_id.to_string(),
            "amount".to_owned(),
            self.amount.to_string(),
            "status".to_owned(),
            self.status.clone(),
        ]
    }
}

impl Payload {
    /// As many bytes as an order, name included.
    pub(crate) fn new() -> Self {
        Self {
            msg: "x".repeat(ORDER_BYTES - "msg".len()),
        }
    }
}

impl StreamMessage for HandOrder {
    const SCHEMA: &'static Schema = Order::SCHEMA;

    fn encode(&self, out: &mut FieldWriter<'_>) -> Result<(), EncodeError> {
        out.text("order_id", &self.0.order_id)?;
        out.field("user_id", &self.0.user_id)?;
        out.field("amount", &self.0.amount)?;
        out.text("status", &self.0.status)
    }
}

impl OwnedMessage for HandOrder {
    fn decode(fields: Fields<'_>) -> Result<Self, DecodeError> {
        let (mut order_id, mut user_id, mut amount, mut status) = (None, None, None, None);
        for (name, value) in fields.iter() {
            match name {
                b"order_id" => order_id = Some(value),
                b"user_id" => user_id = Some(value),
                b"amount" => amount = Some(value),
                b"status" => status = Some(value),
                _ => {}
            }
        }
        Ok(Self(Order {
            order_id: read("order_id", order_id)?,
            user_id: read("user_id", user_id)?,
            amount: read("amount", amount)?,
            status: read("status", status)?,
        }))
    }
}

fn read<T: FromField>(name: &'static str, value: Option<&[u8]>) -> Result<T, DecodeError> {
    let Some(value) = value else {
        return Err(DecodeError::missing("Order", name, "a value"));
    };
    T::from_field(value)
        .map_err(|error: FieldError| DecodeError::malformed("Order", name, error, value))
}
