//! The message.

use stream_lib::StreamMessage;

/// An order, as it stands in the stream:
/// `XADD orders * order_id A-1 user_id 7 amount 9.5 status pending`.
#[derive(StreamMessage, Debug, Clone, PartialEq)]
#[stream(name = "orders")]
pub struct Order {
    /// Its id.
    pub order_id: String,
    /// The customer.
    pub user_id: u64,
    /// The price.
    pub amount: f64,
    /// The state of the order.
    pub status: String,
}

impl Order {
    /// A made-up order, `PREFIX-NUMBER`.
    pub fn numbered(prefix: &str, number: u64) -> Self {
        Self::of_customer(prefix, number, None)
    }

    /// As [`numbered`](Self::numbered), of one of `customers`; with `None`, each order
    /// has a customer of its own.
    pub fn of_customer(prefix: &str, number: u64, customers: Option<u64>) -> Self {
        Self {
            order_id: format!("{prefix}-{number}"),
            user_id: number % customers.unwrap_or(u64::MAX),
            amount: f64::from(u16::try_from(number % 10_000).unwrap_or(0)) / 100.0,
            status: "pending".to_owned(),
        }
    }

    /// The number at the end of its id, if there is one.
    pub fn number(&self) -> Option<u64> {
        self.order_id.rsplit('-').next()?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_is_what_the_name_ends_with() {
        assert_eq!(Order::numbered("a-b", 17).order_id, "a-b-17");
        assert_eq!(Order::numbered("a-b", 17).number(), Some(17));
        let named = |order_id: &str| Order {
            order_id: order_id.to_owned(),
            ..Order::numbered("P", 0)
        };
        assert_eq!(named("42").number(), Some(42));
        assert_eq!(named("A-x").number(), None);
        assert_eq!(named("").number(), None);
    }
}
