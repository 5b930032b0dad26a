//! Fifteen questions of an operator at night, each answered by a page.

use crate::browser::{Browser, Look};
use crate::models::{
    at_ease, dead_letters, html, one_group, one_message, one_stream, redis, troubled,
    work_that_goes_on,
};
use crate::served::Served;

#[test]
fn the_fifteen_questions_are_answered_by_page() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let served = Served::start(vec![
        ("/", html(&troubled())),
        ("/calm", html(&at_ease())),
        ("/stream", html(&one_stream())),
        ("/group", html(&one_group())),
        ("/dead", html(&dead_letters())),
        ("/message", html(&one_message())),
        ("/system", html(&redis())),
        ("/work", html(&work_that_goes_on())),
    ]);
    browser.look(Look::BARE);
    let on = |path: &str, question: &str, answers: &[&str]| {
        browser.open(&served.url(path));
        let text = browser.text();
        for answer in answers {
            assert!(
                text.contains(answer),
                "{question} `{answer}` is not on {path}:\n{text}"
            );
        }
    };
    on(
        "/",
        "What is wrong, in one sentence?",
        &["billing has not handled anything for 23 minutes"],
    );
    on(
        "/calm",
        "And if nothing is?",
        &["All 8 groups keep up", "Nothing needs you."],
    );
    on("/", "Why?", &["None of its processes is alive"]);
    on(
        "/group",
        "Since when?",
        &["billing stands still since 02:41:03"],
    );
    on(
        "/group",
        "How old is the oldest thing not done?",
        &["Oldest unread", "23 min"],
    );
    on(
        "/",
        "Better or worse, and done when?",
        &[
            "growing",
            "shrinking",
            "done in about 2 min",
            "more each minute",
        ],
    );
    on("/", "Is this number sure?", &["43,608", "–"]);
    on(
        "/group",
        "Who is alive, holding what?",
        &[
            "node-4-2211",
            "23 min ago",
            "128",
            "killed or crashed",
            "all it had was taken over",
        ],
    );
    on(
        "/group",
        "Is one entry to blame?",
        &["1795660841120-0", "third delivery", "Entries to suspect"],
    );
    on(
        "/message",
        "What is odd about it?",
        &["4,000,000,000", "the last 200 had 1 to 40"],
    );
    on(
        "/dead",
        "Which errors, how many kinds, still coming?",
        &["3 kinds, 17 new in this hour", "undecodable", "02:41"],
    );
    on(
        "/",
        "Is anything lost or about to be?",
        &["Nothing is lost"],
    );
    on(
        "/stream",
        "And what stays?",
        &["Would remove nothing now", "stay for billing"],
    );
    on(
        "/group",
        "What can I do that can't hurt?",
        &[
            "Safe to do now",
            "can be undone",
            "streamctl pending bury orders billing 1795660841120-0",
        ],
    );
    on(
        "/dead",
        "To all of them, a few first?",
        &[
            "Put back 17…",
            "Try 10 first…",
            "at most",
            "all 17 would fail again",
        ],
    );
    on(
        "/work",
        "And how far is it?",
        &["650", "of 2,000", "50 /s", "about 27 s", "Stop it"],
    );
    on(
        "/message",
        "What is in it, without secrets?",
        &["ORD-77120", "••••"],
    );
    on(
        "/",
        "What changed lately?",
        &["What happened", "took over 128 entries"],
    );
    on("/", "And before?", &["lost its last process, node-4-2211"]);
    on(
        "/calm",
        "And the last time?",
        &["billing stood still for 28 minutes"],
    );
    on("/system", "Who changed something?", &["ada", "dlq redrive"]);
    on(
        "/system",
        "Does my looking hurt?",
        &[
            "97 requests",
            "1.9 ms",
            "0.10 % of its time",
            "one poller for all viewers",
        ],
    );
}
