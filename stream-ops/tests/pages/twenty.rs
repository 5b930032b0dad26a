//! Twenty viewers at once: all pages are live, with one poller for them.

use serde_json::Value;
use stream_lib::{StreamConfig, StreamManager};
use stream_tests::wait_until;

use crate::browser::{Browser, LONG};
use crate::story::Dash;

const WINDOWS: usize = 20;

/// The number of times that a page has renewed itself, by the browser's records.
const RENEWALS: &str = "performance.getEntriesByType('resource')\
                        .filter(e => e.initiatorType === 'fetch').length";

fn looking(dash: &Dash) -> Value {
    let answer = dash.get("/system.json");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let json: Value = serde_json::from_str(body).unwrap();
    json["facts"]["looking"].clone()
}

/// The number of looks so far, and of scripts that the server has run for them.
fn asked(dash: &Dash) -> (u64, u64) {
    let looks = looking(dash)["looks"].as_u64().unwrap();
    (looks, dash.server.calls("evalsha_ro"))
}

#[test]
fn twenty_windows_stay_live_and_cost_redis_no_more_than_one() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = Dash::start();
    let manager = StreamManager::connect(dash.server.url()).unwrap();
    dash.with_poison(&manager);
    wait_until(LONG, "the stream", || dash.get("/").contains("orders"));

    // Half look at the overview, half at a stream.
    browser.open(&dash.url("/"));
    for number in 1..WINDOWS {
        let path = if number % 2 == 0 {
            "/"
        } else {
            "/streams/orders"
        };
        browser.open_window(&dash.url(path));
    }
    let answered = looking(&dash)["pages_answered"].as_u64().unwrap();
    let (looks, scripts) = asked(&dash);
    // Each page renews itself several times.
    wait_until(LONG, "all windows to renew themselves", || {
        let now = looking(&dash)["pages_answered"].as_u64().unwrap();
        now > answered + 10 * WINDOWS as u64
    });
    let (looks_then, scripts_then) = asked(&dash);
    let (looks, scripts) = (looks_then - looks, scripts_then - scripts);
    // Each look runs one script for the one stream. A look may be in progress at either
    // end; twenty pollers would run twenty times that.
    assert!(looks >= 2, "{looks} looks");
    assert!(scripts <= looks + 2, "{scripts} scripts in {looks} looks");

    // All pages show something new without a reload.
    manager
        .create_simple_producer("fresh", StreamConfig::new("a-fresh-stream"))
        .unwrap();
    dash.add_poison();
    wait_until(LONG, "one more dead letter", || dash.dead() == 2);
    let mut windows = 0;
    browser.in_each_window(|| {
        windows += 1;
        let renewals = browser.value(RENEWALS).as_u64().unwrap();
        assert!(
            renewals >= 2,
            "window {windows} has renewed itself {renewals} times"
        );
        let live = browser.value("document.querySelector('[data-standing]').textContent");
        assert_eq!(live, "live", "window {windows}");
        // The number at the top is that of all dead letters.
        let until = std::time::Instant::now() + LONG;
        while browser.value("document.querySelector('header .pill').textContent") != "2" {
            assert!(
                std::time::Instant::now() < until,
                "window {windows} is not live: {}",
                browser.text()
            );
        }
    });
    assert_eq!(windows, WINDOWS);
    assert_eq!(browser.complaints(), Vec::<String>::new());
    manager.shutdown();
}
