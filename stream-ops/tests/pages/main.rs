//! The pages of the dashboard in a browser, by WebDriver.
//!
//! They need chromium and chromedriver. Where there is none, each test says so and passes;
//! with `STREAM_TEST_BROWSER=required` it fails.

mod browser;
mod driver;
mod fifteen;
mod looks;
mod made_up;
mod models;
mod pictures;
mod served;
mod story;
