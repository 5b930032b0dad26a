//! The pages of the made-up night.

use std::time::Duration;

use stream_lib::EntryId;
use stream_ops::assess::assess;
use stream_ops::observe::History;
use stream_ops::serve::Role;
use stream_ops::serve::page::{
    Action, Ask, Choice, Dead, Fate, Field, FieldRow, Frame, JobRow, KindRow, LetterRow, Message,
    Model, Moment, Page, Rich, ScheduledRow, Schedules, Series, Sign, Undo,
};
use stream_ops::serve::view::{
    Looking, Retention, StreamMore, WorkNow, all_dead, group, happened, overview, stream, system,
    work,
};

use crate::made_up::{NOW, SUSPECT, calm, events, night, past};

/// The frame of each page.
pub(crate) fn html(model: &Model) -> String {
    let frame = Frame {
        title: model.title(),
        place: model.place(),
        redis: "prod".to_owned(),
        server: "redis 7.0.15 · 0.4 ms".to_owned(),
        clock: "03:04:12 UTC".to_owned(),
        standing: "live".to_owned(),
        dead: Some("41".to_owned()),
        may: "You may look and retry (role: retry)".to_owned(),
        json: Some("/overview.json".to_owned()),
        is_live: false,
        told: None,
        going: Vec::new(),
        crumbs: model.crumbs(),
    };
    model.html(&frame).into_string()
}

pub(crate) fn troubled() -> Model {
    let history = night();
    let found = assess(&history);
    Model::Overview(Box::new(overview(
        &history,
        &found,
        happened(&events(), 8),
        None,
    )))
}

pub(crate) fn at_ease() -> Model {
    let history: History = calm();
    let found = assess(&history);
    Model::Overview(Box::new(overview(
        &history,
        &found,
        Vec::new(),
        Some(&past()),
    )))
}

pub(crate) fn one_stream() -> Model {
    let history = night();
    let found = assess(&history);
    let more = StreamMore {
        memory: Some(14 << 20),
        holds: vec!["Order".to_owned()],
        retention: Some(Ok(Retention {
            removes: 0,
            blocked_by: Some("billing".to_owned()),
            priority: "Normal".to_owned(),
            ..Retention::default()
        })),
    };
    Model::Stream(Box::new(stream(&history, &found, "orders", &more).unwrap()))
}

pub(crate) fn one_group() -> Model {
    let history = night();
    let found = assess(&history);
    let peek = |_: &stream_ops::observe::Suspect| Some("Order · copies 4000000000".to_owned());
    let page = group(&history, &found, ("orders", "billing"), peek, Role::Retry);
    Model::Group(Box::new(page.unwrap()))
}

pub(crate) fn index() -> Model {
    Model::Index(
        Box::new(all_dead(&night())),
        stream_ops::serve::page::Place::Dead,
    )
}

pub(crate) fn redis() -> Model {
    let history = night();
    let found = assess(&history);
    let looking = Looking {
        every: Duration::from_secs(2),
        answered: 18_204,
        read: 2_117,
    };
    let note = |who: &str, action: &str, group: &str, done: &str, detail: &str| {
        let fields = [
            ("who", who),
            ("action", action),
            ("stream", "orders"),
            ("group", group),
            ("done", done),
            ("detail", detail),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fields.to_vec()
    };
    let audit = [
        (
            NOW - 5_400_000,
            note("ada", "dlq redrive", "", "21", "Put back 21 dead letters."),
        ),
        (
            NOW - 90_000_000,
            note(
                "bob@node-1",
                "group hold",
                "billing",
                "1",
                "Held the group for 30 min.",
            ),
        ),
    ];
    Model::System(Box::new(system(
        &history,
        &found,
        &audit,
        happened(&events(), 50),
        looking,
    )))
}

pub(crate) fn work_that_goes_on() -> Model {
    Model::Work(Box::new(work(&WorkNow {
        id: "7",
        stream: "orders",
        doing: "Putting 2,000 dead letters back into orders",
        who: "ada",
        command: "streamctl dlq redrive orders 1795660731408-0 1795660744013-0 1795660752990-1 … --rate 50 --yes",
        back: "/streams/orders/dead",
        planned: 2_000,
        handled: 650,
        at_most: Some(50),
        age: Duration::from_secs(13),
        stopped_by: None,
        told: None,
    })))
}

pub(crate) fn all_schedules() -> Model {
    let job = |stream: &str, name: &str, sign: Sign, state: &str, times: &str, next: &str| JobRow {
        stream: stream.to_owned(),
        name: name.to_owned(),
        sign,
        state: state.to_owned(),
        times: times.to_owned(),
        zone: "Europe/Berlin".to_owned(),
        next: next.to_owned(),
        last: "23 h ago".to_owned(),
        does: vec![("Pause…".to_owned(), vec![hidden("do", "pause-job")])],
        command: format!("streamctl cron pause {stream} {name}"),
    };
    let message = |stream: &str, id: &str, sign: Sign, due: &str, fields: &str| ScheduledRow {
        stream: stream.to_owned(),
        id: id.to_owned(),
        sign,
        due: due.to_owned(),
        fields: Rich::from(fields),
        does: vec![
            ("Run now…".to_owned(), vec![hidden("do", "run-scheduled")]),
            ("Cancel…".to_owned(), vec![hidden("do", "cancel-scheduled")]),
        ],
    };
    let late = "late by 12 min: no process takes part";
    Model::Schedules(Box::new(Schedules {
        stream: None,
        title: "Schedules".to_owned(),
        about: "3 jobs, 214 scheduled messages, of 2 streams".to_owned(),
        jobs: vec![
            job(
                "emails",
                "digest",
                Sign::Worsens,
                late,
                "*/15 * * * *",
                "12 min ago",
            ),
            job(
                "orders",
                "close-the-day",
                Sign::Fine,
                "on",
                "0 23 * * *",
                "in 18 h",
            ),
            job(
                "orders",
                "reconcile",
                Sign::Mends,
                "paused by somebody",
                "@hourly",
                "–",
            ),
        ],
        messages: vec![
            message(
                "emails",
                "88",
                Sign::Fine,
                "in 40 s",
                "to ••••  · template welcome",
            ),
            message(
                "orders",
                "1204",
                Sign::Fine,
                "in 23 min",
                "order_id ORD-77001 · amount 8",
            ),
        ],
        more: 212,
        refused: None,
    }))
}

fn hidden(name: &str, value: &str) -> Field {
    Field {
        name: name.to_owned(),
        label: None,
        value: value.to_owned(),
    }
}

fn moment(at: &str, ago: &str) -> Moment {
    Moment {
        at: at.to_owned(),
        ago: ago.to_owned(),
        ms: NOW,
    }
}

pub(crate) fn dead_letters() -> Model {
    let hours = |counts: [(u64, f64); 5]| {
        let from = NOW - 10_800_000;
        let mut points: Vec<(u64, f64)> = (0..24).map(|bin| (from + bin * 450_000, 0.0)).collect();
        for (bin, count) in counts {
            points[usize::try_from(bin).unwrap()].1 = count;
        }
        Series {
            from_ms: from,
            to_ms: NOW,
            points,
        }
    };
    let kind =
        |count: &str, reason: &str, error: &str, hours: Series, is_new: bool, at: (&str, &str)| {
            KindRow {
                link: format!("/streams/orders/dead?kind={count}"),
                is_chosen: is_new,
                count: count.to_owned(),
                reason: reason.to_owned(),
                error: error.to_owned(),
                groups: "billing".to_owned(),
                hours,
                is_new,
                first: moment(at.0, "26 min ago"),
                last: moment(at.1, "23 min ago"),
            }
        };
    let letter = |id: &str, died: &str, wrong: &str, consumer: &str| LetterRow {
        letter: id.to_owned(),
        entry: id.to_owned(),
        link: Page::Message("orders".to_owned(), id.to_owned()).link(),
        died: moment(died, "25 min ago"),
        deliveries: "1".to_owned(),
        wrong: Rich::new().code("amount").plain(" ").quoted(wrong),
        consumer: consumer.to_owned(),
    };
    Model::Dead(Box::new(Dead {
        stream: "orders".to_owned(),
        total: "41 dead letters of orders".to_owned(),
        about: "3 kinds, 17 new in this hour".to_owned(),
        kinds: vec![
            kind("17", "undecodable", "amount: a number expected, found “#”",
                hours([(19, 2.0), (20, 9.0), (21, 6.0), (0, 0.0), (1, 0.0)]), true, ("02:38", "02:41")),
            kind("21", "retries used up", "payments-db: connection timed out after # s",
                hours([(9, 15.0), (10, 6.0), (0, 0.0), (1, 0.0), (2, 0.0)]), false, ("01:12", "01:14")),
            kind("3", "permanent", "a negative amount",
                hours([(0, 1.0), (9, 1.0), (18, 1.0), (1, 0.0), (2, 0.0)]), false, ("00:20", "02:20")),
        ],
        letters: vec![
            letter("1795660731408-0", "02:38:51", "“12,50”", "node-4-2087"),
            letter("1795660744013-0", "02:39:04", "“8,00”", "node-4-2087"),
            letter("1795660752990-1", "02:39:13", "“1.299,00”", "node-2-871"),
            letter("1795660790112-0", "02:39:50", "“49,95”", "node-2-871"),
        ],
        title: "17 dead letters: undecodable".to_owned(),
        search: String::new(),
        chosen: "17".to_owned(),
        since: [
            ("", "all since 02:38"),
            ("15m", "last 15 min"),
            ("1h", "last hour"),
            ("24h", "last 24 h"),
            ("7d", "last 7 days"),
        ]
        .map(|(value, words)| Choice {
            value: value.to_owned(),
            words: words.to_owned(),
            is_chosen: value.is_empty(),
        })
        .to_vec(),
        looked: "17 looked at, 4 shown".to_owned(),
        more: 13,
        ask: Some(Ask {
            title: "Put the 17 back into orders?".to_owned(),
            text: Rich::new()
                .plain("Tried against the newest ")
                .code("Order")
                .plain(": ")
                .strong("all 17 would fail again")
                .plain(", amount: a number expected, found \"12,50\". Deploy a fix first, or edit the field. Only billing would get them; archive and fraud skip them."),
            buttons: vec![
                ("redrive".to_owned(), "Put back 17…".to_owned()),
                ("redrive-few".to_owned(), "Try 10 first…".to_owned()),
                ("edit".to_owned(), "Edit and put back…".to_owned()),
            ],
            fields: vec![
                hidden("stream", "orders"),
                Field {
                    label: Some("at most".to_owned()),
                    ..hidden("rate", "50 /s")
                },
            ],
            command: "streamctl dlq redrive orders --reason undecodable --rate 50".to_owned(),
            refused: None,
        }),
    }))
}

pub(crate) fn one_message() -> Model {
    let field = |name: &str, kind: &str, value: Rich, note: &str| FieldRow {
        name: name.to_owned(),
        kind: kind.to_owned(),
        value,
        note: note.to_owned(),
    };
    let fate = |group: &str, sign: Sign, words: &str, more: &str| Fate {
        group: group.to_owned(),
        link: Page::Group("orders".to_owned(), group.to_owned()).link(),
        sign,
        words: words.to_owned(),
        more: more.to_owned(),
    };
    let id: EntryId = SUSPECT;
    Model::Message(Box::new(Message {
        stream: "orders".to_owned(),
        id: id.to_string(),
        about: "added 02:40:41.120, 23 min ago · 318 B".to_owned(),
        kind: "Order".to_owned(),
        schema: "version 3 of the schema, told by shop 3.1".to_owned(),
        fields: vec![
            field("order_id", "text", Rich::from("ORD-77120"), ""),
            field("amount", "number", Rich::from("12.5"), ""),
            field(
                "copies",
                "integer from 0",
                Rich::new().quoted("4,000,000,000"),
                "the last 200 had 1 to 40",
            ),
            field("currency", "EUR or USD", Rich::from("EUR"), ""),
            field(
                "customer_email",
                "text, sensitive",
                Rich::from("••••"),
                "hidden",
            ),
            field(
                "placed_at",
                "time",
                Rich::from("02:40:40.997"),
                "0.1 s before it was added",
            ),
            field(
                "note",
                "text, may be absent",
                Rich::new().soft("absent"),
                "",
            ),
            field(
                "channel",
                "not in the schema",
                Rich::from("••••"),
                "hidden: unknown",
            ),
        ],
        raw: vec![("order_id".to_owned(), "ORD-77120".to_owned())],
        fates: vec![
            fate(
                "billing",
                Sign::Trouble,
                "in dead hands, third delivery",
                "held for 23 min by node-4-2211, which died",
            ),
            fate("archive", Sign::Fine, "done", "read, and acknowledged"),
            fate("fraud", Sign::Fine, "done", "read, and acknowledged"),
        ],
        actions: vec![
            Action {
                title: "Set it aside for billing".to_owned(),
                undo: Undo::Can,
                effect: Rich::from(
                    "Moves it to the dead letters, for billing only. Other groups are left alone.",
                ),
                button: Some(("Set aside…".to_owned(), vec![hidden("do", "set-aside")])),
                command: Some(format!("streamctl pending bury orders billing {id}")),
                is_first: true,
                refused: None,
            },
            Action {
                title: "Send a corrected copy".to_owned(),
                undo: Undo::Cannot,
                effect: Rich::from(
                    "Adds a new entry with the fields you change. All groups get it.",
                ),
                button: Some(("Edit a copy…".to_owned(), vec![hidden("do", "edit-copy")])),
                command: Some("streamctl stream send orders FIELD=VALUE …".to_owned()),
                is_first: false,
                refused: None,
            },
        ],
        not: Some("Deleting is not offered: billing has yet to handle it.".to_owned()),
        gone: None,
    }))
}
