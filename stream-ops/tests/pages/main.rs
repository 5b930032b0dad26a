//! The pages of the dashboard in a browser, by `WebDriver`.
//!
//! They need chromium and chromedriver. Without these, each test prints a note and
//! passes; with `STREAM_TEST_BROWSER=required` it fails.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "the parts of a test outside its function fail it by a panic too"
)]

mod browser;
mod driver;
mod fifteen;
mod looks;
mod made_up;
mod models;
mod pictures;
mod served;
mod since;
mod story;
mod twenty;
