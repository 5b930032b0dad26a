//! If a feature lacks something that it needs, its start says so, and all else works.

use stream_lib::{
    BackupStreamConfig, ConsumerConfig, ErrorKind, Producer, RawMessage, StreamConfig,
    StreamManager,
};
use stream_tests::Server;

fn message() -> RawMessage {
    RawMessage::new().with("n", "1")
}

#[test]
fn without_any_scripts_simple_producers_work_and_the_rest_says_what_it_lacks() {
    let cases = [
        (
            Server::options()
                .without_command("EVAL")
                .without_command("EVALSHA"),
            ErrorKind::Server,
        ),
        (
            Server::options().user("clerk on >secret ~* &* +@all -@scripting"),
            ErrorKind::PermissionDenied,
        ),
    ];
    for (options, kind) in cases {
        let server = options.start().unwrap();
        let url = match kind {
            ErrorKind::Server => server.url(),
            _ => server.url().replace("redis://", "redis://clerk:secret@"),
        };
        let manager = StreamManager::connect(url).unwrap();
        manager
            .create_simple_producer("simple", StreamConfig::new("simple"))
            .unwrap();
        let simple: Producer<RawMessage> = manager.producer("simple").unwrap();
        simple.add(&message()).unwrap();
        assert!(
            simple
                .add_all(&vec![message(); 20])
                .iter()
                .all(Result::is_ok)
        );
        let error = simple.add_with_key(&message(), "k").unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().to_lowercase().contains("eval"), "{error}");

        let config = BackupStreamConfig::new("routed");
        manager.create_backup_producer("routed", config).unwrap();
        let routed: Producer<RawMessage> = manager.producer("routed").unwrap();
        let error = routed.add(&message()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().to_lowercase().contains("eval"), "{error}");

        let config = ConsumerConfig::new("simple");
        let error = manager
            .consume_fn::<RawMessage>("c", config, |_| Ok(()))
            .unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().to_lowercase().contains("eval"), "{error}");
        // The seen and the counted need none.
        assert_eq!(manager.stream_stats("simple").unwrap().length, 21);
        assert_eq!(manager.shutdown().still_running, 0);
    }
}

#[test]
fn a_missing_command_of_the_group_is_named_where_the_consumer_starts() {
    for command in ["XREADGROUP", "XGROUP", "XACK", "XCLAIM"] {
        let cases = [
            Server::options().without_command(command),
            Server::options().user(&format!("clerk on >secret ~* &* +@all -{command}")),
        ];
        for (n, options) in cases.into_iter().enumerate() {
            let server = options.start().unwrap();
            let url = match n {
                0 => server.url(),
                _ => server.url().replace("redis://", "redis://clerk:secret@"),
            };
            let manager = StreamManager::connect(url).unwrap();
            let error = manager
                .consume_fn::<RawMessage>("c", ConsumerConfig::new("orders"), |_| Ok(()))
                .unwrap_err();
            let text = error.to_string().to_uppercase();
            assert!(text.contains(command), "{error}");
        }
    }
}
