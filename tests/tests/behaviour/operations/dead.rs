//! Dead letters by their kinds.

use stream_lib::{
    DeadFilter, DeadLetterId, EntryId, ErrorKind, FieldEdits, RawMessage, StreamConfig,
    StreamManager,
};
use stream_tests::{Cluster, wait_until};

use super::addresses;
use crate::support::{DEADLINE, Seen, Shop, ask, noting, order, quick};

/// Letters as consumers bury them, in this order.
fn bury(shop: &Shop, reason: &str, error: &str, group: &str, amount: &str) {
    let mut connection = shop.server.connect().unwrap();
    redis::cmd("XADD")
        .arg("{orders}:dead")
        .arg("*")
        .arg("order_id")
        .arg(error)
        .arg("amount")
        .arg(amount)
        .arg("~id")
        .arg("5-1")
        .arg("~group")
        .arg(group)
        .arg("~consumer")
        .arg("c")
        .arg("~reason")
        .arg(reason)
        .arg("~error")
        .arg(error)
        .arg("~deliveries")
        .arg(3)
        .arg("~time")
        .arg(1_000)
        .exec(&mut connection)
        .unwrap();
}

fn some() -> Shop {
    let shop = Shop::open();
    for number in 0..4 {
        let error = format!("order {number} is unknown");
        bury(&shop, "permanent", &error, "orders_group", "1");
    }
    bury(
        &shop,
        "undecodable",
        "field `amount`: expected a number",
        "orders_group",
        "12,50",
    );
    bury(
        &shop,
        "undecodable",
        "field `amount`: expected a number",
        "other",
        "much",
    );
    bury(&shop, "permanent", "order 7 is unknown", "other", "2");
    shop
}

#[test]
fn dead_letters_are_told_apart_by_their_kinds() {
    let shop = some();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let kinds = dead.kinds().unwrap();
    let shown: Vec<_> = kinds.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "5 permanent: order # is unknown",
            "2 undecodable: field `amount`: expected a number"
        ]
    );
    let all = addresses(&shop.server, "{orders}:dead");
    assert_eq!(kinds[0].sample.id, all[6].id, "the newest");
    assert_eq!(kinds[0].groups.len(), 2);
    assert!(kinds[0].first_seen <= kinds[0].last_seen);
    let select = |filter: DeadFilter| {
        let ids = dead.select(&filter).unwrap().into_iter();
        let place = |id: DeadLetterId| all.iter().position(|at| at.id == id.id).unwrap();
        ids.map(place).collect::<Vec<_>>()
    };
    assert_eq!(select(DeadFilter::new().kind(&kinds[0])), [0, 1, 2, 3, 6]);
    assert_eq!(select(DeadFilter::new().kind(&kinds[0]).limit(2)), [0, 1]);
    assert_eq!(select(DeadFilter::new().reason("undecodable")), [4, 5]);
    assert_eq!(select(DeadFilter::new().group("other")), [5, 6]);
    assert_eq!(
        select(DeadFilter::new().from(all[1].id).until(all[4].id)),
        [1, 2, 3, 4]
    );
    assert_eq!(select(DeadFilter::new().until(EntryId::new(1, 0))), [0; 0]);
    let letters = dead.list_where(&DeadFilter::new().group("other")).unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].message().get_str("amount"), Some("much"));
}

#[test]
fn the_newest_dead_letters_come_first_page_by_page() {
    let shop = some();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let mut expected: Vec<_> = addresses(&shop.server, "{orders}:dead")
        .iter()
        .map(|at| at.id)
        .collect();
    expected.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = dead.list_newest(before, 3).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.letter_id());
        seen.extend(page.iter().map(stream_lib::DeadLetter::id));
    }
    assert_eq!(seen, expected);
    let one = DeadLetterId::new(None, expected[2]);
    assert_eq!(dead.letter(one).unwrap().unwrap().id(), expected[2]);
    assert!(
        dead.letter(DeadLetterId::new(None, EntryId::new(1, 1)))
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_plan_says_what_would_fail_again_and_changes_nothing() {
    let shop = some();
    // The stream has a message type.
    shop.manager.add(&order("1")).unwrap();
    wait_until(DEADLINE, "a schema", || {
        !shop.manager.schemas("orders").unwrap().is_empty()
    });
    let schemas = shop.manager.schemas("orders").unwrap();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let before = shop.dead("orders");
    let length: u64 = shop.ask("XLEN orders");
    let filter = DeadFilter::new().reason("undecodable");
    let none = FieldEdits::new();
    let plan = dead.plan_redrive(&filter, &none, &schemas).unwrap();
    assert_eq!(
        (plan.letters, plan.would_fail, plan.groups.len()),
        (2, 2, 2)
    );
    assert_eq!(plan.misfits.len(), 1);
    let misfit = &plan.misfits[0];
    assert_eq!(
        misfit.misfit.to_string(),
        r#"amount: a number expected, found "12,50""#
    );
    assert_eq!((misfit.count, misfit.schema.as_str()), (2, "Order"));
    let all = addresses(&shop.server, "{orders}:dead");
    assert_eq!(plan.until, Some(all[5].id));
    let text = plan.to_string();
    assert!(
        text.starts_with("would put 2 dead letters back, until "),
        "{text}"
    );
    let fixed = FieldEdits::new().set("amount", "12.50");
    let plan = dead.plan_redrive(&filter, &fixed, &schemas).unwrap();
    assert_eq!((plan.letters, plan.would_fail), (2, 0));
    assert_eq!(shop.dead("orders"), before);
    assert_eq!(shop.ask::<u64>("XLEN orders"), length);
    let own = FieldEdits::new().set("~for", "x");
    let error = dead.redrive_where(&filter, &own).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(shop.dead("orders"), before);
}

#[test]
fn dead_letters_are_put_back_with_changed_fields() {
    let shop = some();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let filter = DeadFilter::new()
        .reason("undecodable")
        .group("orders_group");
    let edits = FieldEdits::new()
        .set("amount", "12.50")
        .remove("order_id")
        .set("order_id", "fixed")
        .set("note", "by hand");
    let report = dead.redrive_where(&filter, &edits).unwrap();
    assert_eq!((report.redriven, report.missing), (1, 0));
    assert_eq!(dead.count().unwrap(), 6);
    let entries: Vec<(String, Vec<(String, String)>)> = shop.ask("XRANGE orders - +");
    let fields: Vec<_> = entries[0]
        .1
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("order_id", "fixed"),
            ("amount", "12.50"),
            ("note", "by hand"),
            ("~origin", "5-1"),
            ("~redriven", "1"),
            ("~for", "orders_group"),
        ]
    );
    let seen = Seen::default();
    shop.manager
        .consume("c", quick("orders"), noting(&seen))
        .unwrap();
    seen.wait_for(1);
    assert_eq!(seen.all()[0].0, "fixed");
    // What came in after the plan stays.
    let until = addresses(&shop.server, "{orders}:dead")[2].id;
    let report = dead
        .redrive_where(&DeadFilter::new().until(until), &FieldEdits::new())
        .unwrap();
    assert_eq!((report.redriven, dead.count().unwrap()), (3, 3));
    let id = dead.list(1).unwrap()[0].letter_id();
    let report = dead
        .redrive_edited(&[id, id], &FieldEdits::new().remove("order_id"))
        .unwrap();
    assert_eq!((report.redriven, report.missing), (1, 1));
}

#[track_caller]
fn partitions<'a>(manager: &StreamManager, node: impl Fn(&str) -> &'a stream_tests::Server) {
    let config = StreamConfig::new("orders").partitions(4);
    manager
        .create_simple_producer("p", config)
        .unwrap()
        .typed::<RawMessage>()
        .add(&RawMessage::new().with("a", "b"))
        .unwrap();
    let dead = manager.dead_letters("orders").unwrap();
    let mut expected = Vec::new();
    for number in 0..12 {
        let partition = number % 4;
        let key = format!("{{orders:{partition}}}:dead");
        let words = format!(
            "XADD {key} {}-0 n {number} ~id 5-1 ~group g ~reason permanent ~error no-{number}",
            100 + number / 2
        );
        let id: String = ask(node(&key), &words);
        expected.push(DeadLetterId::new(Some(partition), id.parse().unwrap()));
    }
    expected.sort_by_key(|id| std::cmp::Reverse((id.id, id.partition)));
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = dead.list_newest(before, 5).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.letter_id());
        seen.extend(page.iter().map(stream_lib::DeadLetter::letter_id));
    }
    assert_eq!(seen, expected);
    let kinds = dead.kinds().unwrap();
    assert_eq!(
        (kinds.len(), kinds[0].count, kinds[0].error.as_str()),
        (1, 12, "#")
    );
    assert_eq!(kinds[0].sample.id, expected[0].id);
    let edits = FieldEdits::new().set("n", "x");
    let filter = DeadFilter::new().until(EntryId::new(102, 9));
    assert_eq!(dead.redrive_where(&filter, &edits).unwrap().redriven, 6);
    assert_eq!(dead.count().unwrap(), 6);
    assert_eq!(manager.stream_stats("orders").unwrap().length, 7);
}

#[test]
fn dead_letters_of_partitions_are_merged_by_their_ids() {
    let shop = Shop::open();
    partitions(&shop.manager, |_| &shop.server);
}

#[test]
fn dead_letters_of_partitions_on_several_nodes_are_selected_too() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    partitions(&manager, |key| cluster.node_of(key));
}
