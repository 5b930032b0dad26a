//! The caller of a request.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::role::Role;
use super::token::Token;
use crate::words::{cut, shown};

/// The name of callers who give none.
const NAMELESS: &str = "dashboard";

/// The length at which names in the audit are cut.
const LONGEST_NAME: usize = 60;

/// The caller of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The name given by Basic authentication.
    pub(crate) name: String,
    /// The caller's role: [`Role::View`] without the token.
    pub(crate) role: Role,
    /// Whether the request has the token.
    pub(crate) is_known: bool,
}

/// The credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// The request has none.
    None,
    /// They hold another token, or can't be read.
    Wrong,
    /// They hold the token.
    Right {
        /// The name given with the token.
        name: String,
    },
}

impl Credentials {
    /// Reads `Bearer TOKEN`, or `Basic` with a name and the token as its password.
    pub(crate) fn of(headers: &HeaderMap, token: Option<&Token>) -> Self {
        let Some(value) = headers.get(AUTHORIZATION) else {
            return Self::None;
        };
        let Some(token) = token else {
            return Self::Wrong;
        };
        let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' '))
        else {
            return Self::Wrong;
        };
        if scheme.eq_ignore_ascii_case("bearer") && token.is(rest.trim().as_bytes()) {
            return Self::Right {
                name: NAMELESS.to_owned(),
            };
        }
        if scheme.eq_ignore_ascii_case("basic")
            && let Ok(pair) = STANDARD.decode(rest.trim())
            && let Some(colon) = pair.iter().position(|byte| *byte == b':')
            && let (Some(name), Some(password)) = (pair.get(..colon), pair.get(colon + 1..))
            && token.is(password)
        {
            let name = cut(&shown(name), LONGEST_NAME);
            let is_given = !name.is_empty();
            return Self::Right {
                name: if is_given { name } else { NAMELESS.to_owned() },
            };
        }
        Self::Wrong
    }

    /// The caller: with the role `allowed` for the right token, else with [`Role::View`].
    pub(crate) fn caller(&self, allowed: Role) -> Caller {
        match self {
            Self::Right { name } => Caller {
                name: name.clone(),
                role: allowed,
                is_known: true,
            },
            Self::None | Self::Wrong => Caller {
                name: NAMELESS.to_owned(),
                role: Role::View,
                is_known: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn read(value: Option<&str>) -> Credentials {
        let mut headers = HeaderMap::new();
        if let Some(value) = value {
            headers.insert(AUTHORIZATION, value.parse().unwrap());
        }
        Credentials::of(&headers, Some(&Token::new(TOKEN).unwrap()))
    }

    #[test]
    fn the_token_comes_as_bearer_or_as_a_password() {
        let right = |name: &str| Credentials::Right {
            name: name.to_owned(),
        };
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(read(Some(&format!("Bearer {TOKEN}"))), right("dashboard"));
        assert_eq!(read(Some(&basic(&format!("ada:{TOKEN}")))), right("ada"));
        assert_eq!(read(Some(&basic(&format!(":{TOKEN}")))), right("dashboard"));
        assert_eq!(read(None), Credentials::None);
        for wrong in [
            "Bearer",
            "Bearer x",
            "Basic !",
            &basic("ada"),
            &basic("ada:x"),
            TOKEN,
        ] {
            assert_eq!(read(Some(wrong)), Credentials::Wrong, "{wrong}");
        }
    }

    #[test]
    fn only_the_token_gives_the_role() {
        let known = read(Some(&format!("Bearer {TOKEN}"))).caller(Role::Retry);
        assert_eq!((known.role, known.is_known), (Role::Retry, true));
        assert_eq!(read(None).caller(Role::Admin).role, Role::View);
        assert_eq!(read(Some("Bearer x")).caller(Role::Admin).role, Role::View);
    }
}
