//! The secret of a dashboard.

use std::fmt;

use subtle::ConstantTimeEq as _;

/// The fewest bytes of a token: shorter ones could be guessed.
const SHORTEST: usize = 16;

/// The secret of a dashboard. It is never printed.
#[derive(Clone)]
pub struct Token(Vec<u8>);

impl Token {
    /// Takes a token from the text of a file or variable; surrounding white space is
    /// removed.
    ///
    /// # Errors
    ///
    /// If it has fewer than 16 bytes.
    pub fn new(text: &str) -> Result<Self, String> {
        let token = text.trim().as_bytes();
        if token.len() < SHORTEST {
            return Err(format!(
                "the token has {} bytes, and needs {SHORTEST}: `openssl rand -hex 16` makes one",
                token.len()
            ));
        }
        Ok(Self(token.to_vec()))
    }

    /// Compares in constant time.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        self.0.ct_eq(given).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_never_shown() {
        assert!(Token::new("short").unwrap_err().contains("5 bytes"));
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        assert!(!token.is(b"0123456789abcdeX"));
        assert!(!token.is(b""));
        assert!(!format!("{token:?}").contains("0123"));
    }
}
