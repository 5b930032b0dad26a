//! Entries of the backup stream that are large.

use stream_lib::RawMessage;

use crate::{
    BACKUP, Rig, STREAM, connect, length, make_group, numbers, quick, release_drain,
    wait_for_length,
};

/// So that no request keeps the server busy for long, or fills its memory.
#[test]
fn large_entries_move_back_few_at_a_time_and_without_a_pause() {
    const COUNT: usize = 40;
    let rig = Rig::still(quick(1).transfer_batch_size(100));
    make_group(&rig.server);
    let body = "x".repeat(512 << 10);
    for number in 0..COUNT {
        let message = RawMessage::new()
            .with("n", number.to_string())
            .with("body", body.as_str());
        rig.producer().add(&message).unwrap();
    }
    assert_eq!(length(&rig.server, BACKUP), COUNT - 1);
    rig.manager.remove_producer("p").unwrap();
    let drainer = connect(&rig.server);
    rig.server.command::<()>(&["CONFIG", "RESETSTAT"]);
    release_drain(&rig.server);
    let config = quick(1_000).transfer_batch_size(100);
    drainer.create_backup_producer("p", config).unwrap();
    wait_for_length(&rig.server, BACKUP, 0);
    assert!(numbers(&rig.server, STREAM).into_iter().eq(0..COUNT));
    // A request that moves something trims twice.
    let requests = rig.server.calls("xtrim") / 2;
    assert!(
        (10..=2 * COUNT as u64).contains(&requests),
        "{requests} requests moved {COUNT} entries"
    );
}
