//! The choice of a time on the page of dead letters.

use std::time::{SystemTime, UNIX_EPOCH};

use stream_tests::wait_until;

use crate::browser::{Browser, LONG, Look};
use crate::story::Dash;

const PAGE: &str = "/streams/orders/dead";

fn bury(dash: &Dash, ms_ago: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let id = format!("{}-0", u64::try_from(now.as_millis()).unwrap() - ms_ago);
    dash.server.command::<String>(&[
        "XADD",
        "{orders}:dead",
        &id,
        "order_id",
        "A-1",
        "~id",
        &id,
        "~group",
        "billing",
        "~reason",
        "permanent",
        "~error",
        "no such customer",
        "~deliveries",
        "1",
    ]);
}

fn started() -> Dash {
    let dash = Dash::start();
    dash.server
        .command::<String>(&["XGROUP", "CREATE", "orders", "billing", "0", "MKSTREAM"]);
    for ms_ago in [7_300_000, 7_200_000, 60_000] {
        bury(&dash, ms_ago);
    }
    wait_until(LONG, "the dead letters", || {
        dash.get(PAGE).contains("3 dead letters of orders")
    });
    dash
}

#[test]
fn a_time_is_chosen_with_and_without_scripts() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = started();
    for look in [Look::LIGHT, Look::BARE, Look::PHONE] {
        browser.look(look);
        browser.open(&dash.url(PAGE));
        browser.click_css("#since option[value='1h']");
        browser.click("Show");
        browser.wait_for("1 dead letter: permanent");
        assert!(browser.url().contains("since=1h"), "{}", browser.url());
        let chosen = "document.querySelector('#since').value";
        assert_eq!(browser.value(chosen), "1h");
        // Another choice of a kind keeps the time.
        browser.click_css("a.choice");
        browser.wait_for("1 dead letter: permanent");
        assert_eq!(browser.value(chosen), "1h", "{look:?}");
        browser.click_css("#since option[value='']");
        browser.click("Show");
        browser.wait_for("3 dead letters: permanent");
    }
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_choice_keeps_its_focus_while_the_page_renews_itself() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = started();
    browser.look(Look::LIGHT);
    browser.open(&dash.url(PAGE));
    browser.value(
        "const since = document.querySelector('#since'); \
         since.dataset.same = 'yes'; since.value = '24h'; since.focus(); \
         const gone = document.createElement('p'); gone.dataset.key = 'gone'; \
         document.querySelector('main').prepend(gone); 0",
    );
    for number in 4..6 {
        bury(&dash, 0);
        browser.wait_for(&format!("{number} dead letters of orders"));
        let at = "[document.activeElement.id, document.activeElement.value, \
                  document.activeElement.dataset.same].join(' ')";
        assert_eq!(browser.value(at), "since 24h yes");
    }
    let gone = "document.querySelectorAll('[data-key=gone]').length";
    assert_eq!(browser.value(gone), 0);
}
