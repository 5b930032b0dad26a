//! Credentials that lapse at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use stream_lib::{ConnectionConfig, Credentials, StreamManager};
use stream_tests::Server;

use crate::support::order;

#[test]
fn provider_whose_passwords_lapse_at_once_is_asked_now_and_then() {
    let rules = "clerk on >secret ~* &* +@all";
    let server = Server::options().user(rules).start().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let url = format!("redis://127.0.0.1:{}", server.port());
    let config = ConnectionConfig::new(url).unwrap();
    let config = config.credentials(move || -> Result<Credentials, String> {
        count.fetch_add(1, Ordering::SeqCst);
        let given = Credentials::new("secret").user("clerk");
        Ok(given.valid_for(Duration::from_nanos(1)))
    });
    let manager = StreamManager::connect_with(config).unwrap();
    let begun = Instant::now();
    // Long enough for a hundred questions, if each connection asked when it could.
    while begun.elapsed() < Duration::from_millis(1_500) {
        manager.add(&order("1")).unwrap();
    }
    let new = server.calls("hello") + server.calls("auth");
    let most = 10 + begun.elapsed().as_secs();
    let asked = asked.load(Ordering::SeqCst);
    assert!(asked <= most, "{asked} times, {new} connections");
}
