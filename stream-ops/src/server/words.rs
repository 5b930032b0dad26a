//! Requests, in their words.

/// A request: the command and its arguments.
pub type Request = Vec<Vec<u8>>;

/// Makes a request of its words.
pub fn request<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Request {
    words.into_iter().map(|w| w.as_ref().to_vec()).collect()
}
