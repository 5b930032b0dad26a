//! Requests, in their words.

/// A request, in its words.
pub type Request = Vec<Vec<u8>>;

/// Words a request.
pub fn request<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Request {
    words.into_iter().map(|w| w.as_ref().to_vec()).collect()
}
