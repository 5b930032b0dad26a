//! Dead letters by the time of their burial.

use std::time::{Duration, SystemTime};

use stream_lib::{
    DeadFilter, DeadLetterId, EntryId, FieldEdits, RawMessage, StreamConfig, StreamManager,
};
use stream_tests::{Cluster, Server};

use crate::support::{Shop, ask};

/// The time of the first burial, in milliseconds since 1970.
const NIGHT: u64 = 1_795_660_000_000;

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

/// A dead letter that was buried at this time.
fn bury(server: &Server, key: &str, ms: u64, reason: &str) -> EntryId {
    let words =
        format!("XADD {key} {ms}-0 n 1 ~id 5-1 ~group g ~reason {reason} ~error at-{ms} ~time 1");
    let id: String = ask(server, &words);
    id.parse().unwrap()
}

fn whole(id: EntryId) -> DeadLetterId {
    DeadLetterId::new(None, id)
}

#[test]
fn a_time_bounds_all_that_takes_a_filter() {
    let shop = Shop::open();
    let ids: Vec<DeadLetterId> = (0..6_u64)
        .map(|number| {
            let reason = if number % 2 == 0 { "even" } else { "odd" };
            let ms = NIGHT + number * 1_000;
            whole(bury(&shop.server, "{orders}:dead", ms, reason))
        })
        .collect();
    let dead = shop.manager.dead_letters("orders").unwrap();
    let since = |second: u64| DeadFilter::new().since(at(NIGHT + second * 1_000));
    let select = |filter: &DeadFilter| dead.select(filter).unwrap();

    assert_eq!(select(&since(2)), ids[2..]);
    assert_eq!(
        select(&DeadFilter::new().since(at(NIGHT + 2_001))),
        ids[3..]
    );
    assert_eq!(select(&since(2).before(at(NIGHT + 4_000))), ids[2..4]);
    assert_eq!(select(&since(2).until(ids[4].id).limit(2)), ids[2..4]);
    assert_eq!(select(&since(9)), []);
    let odd = since(2).reason("odd");
    assert_eq!(select(&odd), [ids[3], ids[5]]);
    assert_eq!(
        dead.select_newest(&since(1).limit(2)).unwrap(),
        [ids[5], ids[4]]
    );
    assert_eq!(dead.select_newest(&odd.clone().limit(1)).unwrap(), [ids[5]]);
    let listed = dead.list_where(&since(4)).unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(stream_lib::DeadLetter::letter_id)
        .collect();
    assert_eq!(listed, ids[4..]);

    let kinds = dead.kinds_of(&since(2)).unwrap();
    let mut shown: Vec<_> = kinds.iter().map(ToString::to_string).collect();
    shown.sort();
    assert_eq!(shown, ["2 even: #", "2 odd: #"]);
    assert_eq!(
        kinds[0].first_seen.min(kinds[1].first_seen),
        at(NIGHT + 2_000)
    );

    // A plan acts on the letters that it counted, whatever comes later.
    let none = FieldEdits::new();
    let plan = dead.plan_redrive(&since(3), &none, &[]).unwrap();
    assert_eq!((plan.letters, plan.until), (3, Some(ids[5].id)));
    bury(&shop.server, "{orders}:dead", NIGHT + 9_000, "odd");
    let planned = since(3).until(plan.until.unwrap());
    assert_eq!(dead.redrive_where(&planned, &none).unwrap().redriven, 3);
    assert_eq!(dead.count().unwrap(), 4);
    let gone = dead.remove_letters(&select(&since(2))).unwrap();
    assert_eq!(
        (gone.removed, select(&DeadFilter::new())),
        (2, ids[..2].to_vec())
    );
}

#[test]
fn letters_from_before_a_time_are_not_read() {
    let shop = Shop::open();
    let many = "for n = 1, 2000 do redis.call('XADD', KEYS[1], n .. '-0', 'n', n, '~group', 'g', \
                '~reason', 'old', '~error', 'no') end return 1";
    shop.server
        .command::<u64>(&["EVAL", many, "1", "{orders}:dead"]);
    let new = whole(bury(&shop.server, "{orders}:dead", NIGHT, "new"));
    let dead = shop.manager.dead_letters("orders").unwrap();
    let calls = |commands: &[&str], look: &dyn Fn()| {
        shop.ask::<()>("CONFIG RESETSTAT");
        look();
        let each = commands.iter().map(|command| shop.server.calls(command));
        each.sum::<u64>()
    };
    let reads = |look: &dyn Fn()| calls(&["xrange", "xrevrange"], look);
    let since = DeadFilter::new().since(at(NIGHT - 1_000));
    let everything = reads(&|| assert_eq!(dead.kinds().unwrap().len(), 2));
    assert!(everything > 2_000, "{everything}");
    for few in [
        reads(&|| assert!(dead.select(&since).unwrap() == [new])),
        reads(&|| assert!(dead.select_newest(&since).unwrap() == [new])),
        reads(&|| assert_eq!(dead.kinds_of(&since).unwrap().len(), 1)),
        reads(&|| {
            let newest = DeadFilter::new().reason("new").limit(1);
            assert_eq!(dead.select_newest(&newest).unwrap(), [new]);
        }),
    ] {
        assert!(few < 600, "{few} reads");
    }
    // A limit doesn't make the pages small where few letters pass the filter.
    let rare = DeadFilter::new().reason("new").limit(1);
    let scripts = calls(&["evalsha", "evalsha_ro"], &|| {
        assert_eq!(dead.select(&rare).unwrap(), [new]);
    });
    assert!((1..100).contains(&scripts), "{scripts} scripts");
}

#[track_caller]
fn in_partitions<'a>(manager: &StreamManager, node: impl Fn(&str) -> &'a Server) {
    let config = StreamConfig::new("orders").partitions(4);
    manager
        .create_simple_producer("p", config)
        .unwrap()
        .typed::<RawMessage>()
        .add(&RawMessage::new().with("a", "b"))
        .unwrap();
    let dead = manager.dead_letters("orders").unwrap();
    let mut expected = Vec::new();
    for number in 0..12_u16 {
        let partition = number % 4;
        let key = format!("{{orders:{partition}}}:dead");
        let ms = NIGHT + u64::from(number / 2) * 1_000;
        let id = bury(node(&key), &key, ms, "permanent");
        if number >= 6 {
            expected.push(DeadLetterId::new(Some(partition), id));
        }
    }
    let since = DeadFilter::new().since(at(NIGHT + 3_000));
    expected.sort_by_key(|at| std::cmp::Reverse((at.id, at.partition)));
    assert_eq!(dead.select_newest(&since).unwrap(), expected);
    let two = since.clone().limit(2);
    assert_eq!(dead.select_newest(&two).unwrap(), expected[..2]);
    expected.sort_by_key(|at| (at.partition, at.id));
    assert_eq!(dead.select(&since).unwrap(), expected);
    let kinds = dead.kinds_of(&since).unwrap();
    assert_eq!((kinds.len(), kinds[0].count), (1, 6));
    let none = FieldEdits::new();
    let plan = dead.plan_redrive(&since, &none, &[]).unwrap();
    assert_eq!(plan.letters, 6);
    assert_eq!(dead.redrive_where(&since, &none).unwrap().redriven, 6);
    assert_eq!(dead.select(&since).unwrap(), []);
    assert_eq!(dead.count().unwrap(), 6);
}

#[test]
fn a_time_bounds_each_partition() {
    let shop = Shop::open();
    in_partitions(&shop.manager, |_| &shop.server);
}

#[test]
fn a_time_bounds_partitions_on_several_nodes() {
    let cluster = Cluster::start().unwrap();
    let manager = StreamManager::connect(cluster.url()).unwrap();
    in_partitions(&manager, |key| cluster.node_of(key));
}
