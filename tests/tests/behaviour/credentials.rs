//! Credentials that lapse, from a provider.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use stream_lib::{ConnectionConfig, Credentials, ErrorKind, StreamManager};
use stream_tests::{LogCapture, Server, wait_until};

use crate::support::{DEADLINE, Seen, noting, order, quick};

/// Gives a password that a test may change.
#[derive(Clone)]
struct Vault {
    password: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl Vault {
    fn with(password: &str) -> Self {
        Self {
            password: Arc::new(Mutex::new(password.to_owned())),
            asked: Arc::default(),
        }
    }

    /// Changes the password on the server, too: both are good for a moment, as they
    /// are where services rotate them.
    fn rotate(&self, server: &Server, password: &str) {
        let old = self.password.lock().clone();
        server.command::<()>(&["ACL", "SETUSER", "clerk", &format!(">{password}")]);
        self.change_to(password);
        server.command::<()>(&["ACL", "SETUSER", "clerk", &format!("<{old}")]);
    }

    fn change_to(&self, password: &str) {
        password.clone_into(&mut self.password.lock());
    }

    fn ask(&self) -> Credentials {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Credentials::new(self.password.lock().clone()).user("clerk")
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// A configuration that asks for passwords that are valid for so long.
    fn config(&self, server: &Server, valid_for: Option<Duration>) -> ConnectionConfig {
        let vault = self.clone();
        let url = format!("redis://127.0.0.1:{}", server.port());
        let config = ConnectionConfig::new(url).unwrap();
        config.credentials(move || -> Result<_, String> {
            let given = vault.ask();
            Ok(match valid_for {
                Some(time) => given.valid_for(time),
                None => given,
            })
        })
    }
}

fn server_with_clerk(password: &str) -> Server {
    let rules = format!("clerk on >{password} ~* &* +@all");
    Server::options().user(&rules).start().unwrap()
}

/// The connections of a user.
fn ids_of(server: &Server, user: &str) -> BTreeSet<String> {
    let clients: String = server.command(&["CLIENT", "LIST"]);
    let user = format!("user={user}");
    let ours = clients.lines().filter(|client| client.contains(&user));
    let ids = ours.filter_map(|client| client.split(' ').next());
    ids.map(str::to_owned).collect()
}

#[test]
fn provider_is_asked_for_each_connection() {
    let server = server_with_clerk("first");
    let vault = Vault::with("first");
    let manager = StreamManager::connect_with(vault.config(&server, None)).unwrap();
    let seen = Seen::default();
    let stream = "vault-rotates";
    let consumer = manager.consume("c", quick(stream), noting(&seen)).unwrap();
    for (round, password) in [(1, "second"), (2, "third")] {
        let before = vault.asked();
        vault.rotate(&server, password);
        server.command::<u64>(&["CLIENT", "KILL", "USER", "clerk"]);
        let add = ["XADD", stream, "*", "order_id", "1", "amount", "1"];
        server.command::<String>(&add);
        seen.wait_for(round);
        manager.add(&order("1")).unwrap();
        assert!(vault.asked() > before);
    }
    wait_until(DEADLINE, "all to work", || consumer.held_up().is_none());
    assert!(consumer.is_running());
}

#[test]
fn connections_authenticate_again_before_their_password_lapses() {
    let server = server_with_clerk("first");
    let vault = Vault::with("first");
    let valid_for = Some(Duration::from_millis(500));
    let manager = StreamManager::connect_with(vault.config(&server, valid_for)).unwrap();
    let seen = Seen::default();
    let config = quick("orders").block_duration(Duration::from_millis(50));
    let consumer = manager.consume("c", config, noting(&seen)).unwrap();
    manager.add(&order("1")).unwrap();
    seen.wait_for(1);
    let (connections, before) = (ids_of(&server, "clerk"), server.calls("auth"));
    wait_until(DEADLINE, "the connections to authenticate again", || {
        manager.add(&order("more")).unwrap();
        server.calls("auth") >= before + 12
    });
    // The same ones.
    let now = ids_of(&server, "clerk");
    assert!(
        connections.len() >= 3 && connections.is_subset(&now),
        "{connections:?} {now:?}"
    );
    assert!(consumer.held_up().is_none());
    assert!(vault.asked() > 3);
}

#[test]
fn reads_under_load_go_on_while_their_connection_authenticates_again() {
    const AT_ONCE: usize = 20_000;
    let server = server_with_clerk("first");
    let vault = Vault::with("first");
    let valid_for = Some(Duration::from_millis(20));
    let manager = StreamManager::connect_with(vault.config(&server, valid_for)).unwrap();
    let add = "for i = 1, ARGV[1] do
        redis.call('XADD', KEYS[1], '*', 'order_id', i, 'amount', 1)
    end";
    let more = || {
        let count = AT_ONCE.to_string();
        server.command::<redis::Value>(&["EVAL", add, "1", "vault-load", &count]);
    };
    more();
    let log = LogCapture::start();
    let seen = Seen::default();
    let config = quick("vault-load").read_count(20);
    let consumer = manager.consume("c", config, noting(&seen)).unwrap();
    let mut orders = AT_ONCE;
    wait_until(DEADLINE, "many to be handled meanwhile", || {
        let is_enough = server.calls("auth") > 6;
        let are_over = consumer.stats().completed == orders as u64;
        if are_over && !is_enough {
            more();
            orders += AT_ONCE;
        }
        are_over && is_enough
    });
    assert_eq!(seen.count(), orders);
    assert!(log.containing("`vault-load` is held up").is_empty());
}

#[test]
fn renewed_password_that_is_refused_is_told_and_loses_no_connection() {
    let server = server_with_clerk("first");
    let vault = Vault::with("first");
    let log = LogCapture::start();
    let valid_for = Some(Duration::from_secs(2));
    let manager = StreamManager::connect_with(vault.config(&server, valid_for)).unwrap();
    manager.add(&order("1")).unwrap();
    vault.change_to("wr0ng-and-long");
    wait_until(DEADLINE, "the refusal to be told", || {
        manager.add(&order("2")).unwrap();
        !log.containing("can't renew their credentials").is_empty()
    });
    let told = log.containing("can't renew their credentials");
    assert!(told[0].text.contains("WRONGPASS"), "{told:#?}");
    manager.add(&order("3")).unwrap();
    assert!(log.containing("wr0ng-and-long").is_empty());
}

#[test]
fn provider_that_fails_is_an_outage_with_its_cause() {
    let server = server_with_clerk("first");
    let url = format!("redis://127.0.0.1:{}", server.port());
    let config = ConnectionConfig::new(url).unwrap();
    let failing = config.clone().credentials(|| Err("the vault is sealed"));
    let error = StreamManager::connect_with(failing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("the vault is sealed"), "{cause}");
    let panicking = config
        .clone()
        .credentials(|| -> Result<Credentials, String> {
            panic!("no vault");
        });
    let error = StreamManager::connect_with(panicking).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("no vault"), "{cause}");
    let hanging = config
        .connect_timeout(Duration::from_millis(100))
        .credentials(|| -> Result<Credentials, String> {
            loop {
                std::thread::park();
            }
        });
    let error = StreamManager::connect_with(hanging).unwrap_err();
    assert!(error.to_string().contains("has not answered"), "{error}");
}
