//! Queries of addresses, and forms.

/// Names and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads `a=b&c=d`, as browsers write it.
    pub(crate) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a name; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(known, _)| known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// The names that begin with `start`, without it, and their values.
    pub(crate) fn under<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter_map(move |(name, value)| Some((name.strip_prefix(start)?, value.as_str())))
    }

    /// The parts with these names, as text.
    pub(crate) fn only(&self, names: &[&str]) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.0 {
            if names.contains(&name.as_str()) {
                text.append_pair(name, value);
            }
        }
        text.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them() {
        let form = Query::read(b"do=hold&for=30+min&letter=1-0&letter=2-0&field%3Aa=%C3%A9&x");
        assert_eq!(
            (form.get("for"), form.get("x"), form.get("y")),
            ("30 min", "", "")
        );
        assert_eq!(form.all("letter").collect::<Vec<_>>(), ["1-0", "2-0"]);
        assert_eq!(form.under("field:").collect::<Vec<_>>(), [("a", "é")]);
        assert_eq!(form.only(&["for"]), "for=30+min");
        assert_eq!(
            Query::read(b"%ff=%"),
            Query::read("\u{fffd}=%25".as_bytes())
        );
    }
}
