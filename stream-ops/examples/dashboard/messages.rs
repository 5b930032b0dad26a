//! The messages of the streams.

use stream_lib::StreamMessage;

/// An order.
#[derive(StreamMessage)]
#[expect(
    clippy::struct_field_names,
    reason = "the names of fields in the stream"
)]
pub(crate) struct Order {
    pub(crate) order_id: String,
    pub(crate) amount: f64,
    pub(crate) copies: u32,
    pub(crate) currency: Currency,
    #[stream(sensitive)]
    pub(crate) customer_email: String,
    pub(crate) note: Option<String>,
}

/// A currency.
#[derive(StreamMessage)]
pub(crate) enum Currency {
    #[stream(rename = "EUR")]
    Eur,
    #[stream(rename = "USD")]
    Usd,
}

/// A mail.
#[derive(StreamMessage)]
pub(crate) struct Mail {
    pub(crate) template: String,
    pub(crate) number: u64,
}

/// A view of a page.
#[derive(StreamMessage)]
pub(crate) struct View {
    pub(crate) path: String,
    pub(crate) visitor: u64,
}

/// An order of this number of copies kills its process.
pub(crate) const DEADLY: u32 = 4_000_000_000;
