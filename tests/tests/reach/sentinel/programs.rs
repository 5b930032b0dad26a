//! The programs of `examples` behind sentinels, by their URL alone.

use stream_tests::{Program, Sentinels};

use crate::DEADLINE;

#[test]
fn the_examples_run_behind_sentinels() {
    let sentinels = Sentinels::start().unwrap();
    let run = |name: &str, args: &[&str]| {
        let program = Program::example(name).args(args).redis_url(sentinels.url());
        let finished = program.run(DEADLINE);
        assert!(finished.status.success(), "{finished:#?}");
        finished.stdout
    };
    let shown = run("quickstart", &[]);
    assert!(shown.contains("completed 100000"), "{shown}");
    let master = sentinels.master();
    let keys: Vec<String> = master.command(&["KEYS", "*"]);
    assert!(keys.is_empty(), "{keys:?}");
    run("orders", &["produce", "--count", "10"]);
    assert_eq!(master.command::<u64>(&["XLEN", "orders"]), 10);
}
