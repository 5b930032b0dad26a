//! Pictures of all pages, with made-up data, for people to look at.
//!
//! `STREAM_PICTURES=DIR cargo test -p stream-ops --test pages pictures` writes them
//! there.

use std::path::PathBuf;

use crate::browser::{Browser, Look};
use crate::models::{
    all_schedules, at_ease, dead_letters, html, index, one_group, one_message, one_stream, redis,
    troubled, work_that_goes_on,
};
use crate::served::Served;

#[test]
fn pictures_of_all_pages_are_written_where_they_are_wanted() {
    let Some(dir) = std::env::var_os("STREAM_PICTURES").map(PathBuf::from) else {
        return;
    };
    let Some(browser) = Browser::start() else {
        return;
    };
    std::fs::create_dir_all(&dir).unwrap();
    let pages = [
        ("overview", troubled()),
        ("overview-calm", at_ease()),
        ("stream", one_stream()),
        ("group", one_group()),
        ("dead", dead_letters()),
        ("message", one_message()),
        ("index", index()),
        ("schedules", all_schedules()),
        ("system", redis()),
        ("work", work_that_goes_on()),
    ];
    let served = Served::start(
        [
            "/overview",
            "/overview-calm",
            "/stream",
            "/group",
            "/dead",
            "/message",
            "/index",
            "/schedules",
            "/system",
            "/work",
        ]
        .into_iter()
        .zip(pages.iter().map(|(_, model)| html(model)))
        .collect(),
    );
    for (name, _) in &pages {
        let phone = Look {
            width: 420,
            ..Look::PHONE
        };
        for (look, end) in [
            (Look::LIGHT, "light"),
            (Look::DARK, "dark"),
            (phone, "phone"),
            (Look::PHONE, "narrow"),
        ] {
            browser.look(look);
            browser.open(&served.url(&format!("/{name}")));
            browser.picture(&dir.join(format!("{name}-{end}.png")), None);
        }
    }
}
