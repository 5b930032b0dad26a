//! Each page light, dark, on a phone and without scripts.

use stream_lib::{ConsumerConfig, Delivery, StreamConfig, StreamManager, StreamMessage};
use stream_tests::wait_until;

use crate::browser::{Browser, LONG, Look};
use crate::story::Dash;

/// Visible controls without a name.
const UNNAMED: &str = r"
  [...document.querySelectorAll('a, button, input:not([type=hidden]), select, textarea, summary, [role=img]')]
    .filter(e => e.getClientRects().length > 0)
    .filter(e => {
      const label = e.labels && [...e.labels].map(l => l.textContent).join(' ');
      const name = e.getAttribute('aria-label') || label || e.textContent || e.title || '';
      return !name.trim();
    })
    .map(e => e.outerHTML.slice(0, 120)).join('\n')";

/// Elements that reach beyond the right edge.
const TOO_WIDE: &str = r"
  document.documentElement.scrollWidth <= document.documentElement.clientWidth ? '' :
  [...document.querySelectorAll('body *')]
    .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(e => e.outerHTML.slice(0, 120)).join('\n')";

/// The height of the menu in lines, with five digits of dead letters.
const MENU: &str = r"
  (() => {
    const pill = document.querySelector('header nav .pill');
    if (pill) pill.textContent = '12,345';
    const tops = [...document.querySelectorAll('header nav a')].map(a => a.getBoundingClientRect().top);
    return pill ? 1 + Math.floor((Math.max(...tops) - Math.min(...tops)) / 14) : 0;
  })()";

const GROUND: &str = "getComputedStyle(document.body).backgroundColor";

#[derive(StreamMessage)]
struct Tick {
    number: u64,
}

#[test]
fn every_page_is_whole_in_every_light() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = Dash::start();
    let manager = StreamManager::connect(dash.server.url()).unwrap();
    let long = "a-stream-with-a-name-that-is-much-too-long-for-any-phone-in-the-world-0123456789";
    manager
        .create_simple_producer("long", StreamConfig::new(long))
        .unwrap();
    let config = ConsumerConfig::new(long).group("a-group-with-a-name-that-is-too-long-as-well");
    manager
        .consume_fn::<Tick>("ticker", config, |_: &Delivery<Tick>| Ok(()))
        .unwrap();
    manager.add_to("long", &Tick { number: 1 }).unwrap();
    dash.with_poison(&manager);
    wait_until(LONG, "everything to be seen", || {
        let page = dash.get("/");
        page.contains(long) && page.contains("billing")
    });
    let coded = long.replace('-', "%2D");
    let message = dash.first_message();
    let paths = [
        "/".to_owned(),
        "/dead".to_owned(),
        "/messages".to_owned(),
        "/schedules".to_owned(),
        "/system".to_owned(),
        "/streams/orders".to_owned(),
        "/streams/orders/groups/billing".to_owned(),
        "/streams/orders/dead".to_owned(),
        "/streams/orders/messages".to_owned(),
        format!("/streams/orders/messages/{message}"),
        "/streams/orders/schedules".to_owned(),
        format!("/streams/{coded}"),
        format!(
            "/streams/{coded}/groups/a%2Dgroup%2Dwith%2Da%2Dname%2Dthat%2Dis%2Dtoo%2Dlong%2Das%2Dwell"
        ),
        "/streams/none".to_owned(),
    ];
    for (look, ground) in [
        (Look::LIGHT, "rgb(250, 249, 247)"),
        (Look::DARK, "rgb(20, 19, 18)"),
        (Look::PHONE, "rgb(250, 249, 247)"),
        (Look::BARE, "rgb(250, 249, 247)"),
    ] {
        browser.look(look);
        for path in &paths {
            browser.open(&dash.url(path));
            assert_eq!(browser.value(GROUND), ground, "{path} {look:?}");
            assert_eq!(browser.value(UNNAMED), "", "{path} {look:?}");
            assert_eq!(browser.value(TOO_WIDE), "", "{path} {look:?}");
            assert_eq!(browser.value(MENU), 1, "{path} {look:?}");
            let text = browser.text();
            assert!(
                text.contains("Overview") && text.len() > 100,
                "{path}: {text}"
            );
            assert!(
                !text.contains("ada@example.com"),
                "{path} shows what is sensitive"
            );
            let headings = browser.value("document.querySelectorAll('h1').length");
            assert_eq!(headings, 1, "{path}");
        }
    }
    let complaints: Vec<String> = browser
        .complaints()
        .into_iter()
        // The page that doesn't exist is meant to be reported.
        .filter(|line| !line.contains("404"))
        .collect();
    assert_eq!(complaints, Vec::<String>::new());
    manager.shutdown();
}

#[test]
fn a_page_renews_itself_and_keeps_the_place() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let dash = Dash::start();
    let manager = StreamManager::connect(dash.server.url()).unwrap();
    dash.with_poison(&manager);
    wait_until(LONG, "dead letters", || {
        dash.get("/streams/orders/dead").contains("undecodable")
    });
    browser.look(Look {
        height: 300,
        ..Look::LIGHT
    });
    browser.open(&dash.url("/streams/orders/dead"));
    browser.type_into("#search", "half a wo");
    browser.value(
        "document.querySelector('td input[type=checkbox]').checked = false; scrollTo(0, 120); 0",
    );
    let letters = dash.dead();
    dash.add_poison();
    wait_until(LONG, "one more dead letter", || dash.dead() == letters + 1);
    browser.wait_for(&format!("{} dead letters of orders", letters + 1));
    assert_eq!(browser.value("document.activeElement.id"), "search");
    assert_eq!(
        browser.value("document.querySelector('#search').value"),
        "half a wo"
    );
    assert_eq!(browser.value("scrollY"), 120);
    let ticked = "document.querySelector('td input[type=checkbox]').checked";
    assert_eq!(browser.value(ticked), false);
    manager.shutdown();
}
