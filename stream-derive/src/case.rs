//! The cases of `rename_all`.

/// How words are joined in a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    /// Every case, by its name in the attribute, which shows it.
    pub(crate) const ALL: [(&'static str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, case)| *case)
    }

    /// Renames a field, which is in `snake_case`.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_uppercase(),
            Self::Pascal => name.split('_').map(capital).collect(),
            Self::Camel => decapital(&Self::Pascal.field(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_uppercase().replace('_', "-"),
        }
    }

    /// Renames a variant, which is in `PascalCase`.
    pub(crate) fn variant(self, name: &str) -> String {
        match self {
            Self::Pascal => name.to_owned(),
            Self::Lower => name.to_lowercase(),
            Self::Upper => name.to_uppercase(),
            Self::Camel => decapital(name),
            Self::Snake => {
                let mut snake = String::new();
                for (position, character) in name.char_indices() {
                    if position > 0 && character.is_uppercase() {
                        snake.push('_');
                    }
                    snake.extend(character.to_lowercase());
                }
                snake
            }
            Self::ScreamingSnake | Self::Kebab | Self::ScreamingKebab => {
                self.field(&Self::Snake.variant(name))
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters.clone()).collect()
}

fn decapital(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(characters.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_take_every_case() {
        let named: Vec<_> = Case::ALL
            .iter()
            .map(|(_, case)| case.field("order_id"))
            .collect();
        let expected = [
            "order_id", "ORDER_ID", "OrderId", "orderId", "order_id", "ORDER_ID", "order-id",
            "ORDER-ID",
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn variants_take_every_case() {
        let named: Vec<_> = Case::ALL
            .iter()
            .map(|(_, case)| case.variant("OrderPaid"))
            .collect();
        let expected = [
            "orderpaid",
            "ORDERPAID",
            "OrderPaid",
            "orderPaid",
            "order_paid",
            "ORDER_PAID",
            "order-paid",
            "ORDER-PAID",
        ];
        assert_eq!(named, expected);
    }
}
