//! Host names to addresses, with a deadline.
//!
//! The system's resolver takes no deadline, and may hang for half a minute if the network
//! drops its queries. It is called on a separate thread, one for each host in the whole
//! process, however many connections wait for the answer.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use crossbeam_channel::never;
use parking_lot::Mutex;

use super::deadline::Deadline;
use crate::runtime::{SideCall, Ticket};

/// The addresses of a host, without their port; else the kind and the text of
/// the error, which several callers share.
type Answer = Result<Vec<SocketAddr>, (io::ErrorKind, String)>;

/// The lookups under way, by host.
static ASKED: Mutex<BTreeMap<String, SideCall<Answer>>> = Mutex::new(BTreeMap::new());

/// The addresses of a host, in the order in which to try them.
pub(super) fn addresses(
    host: &str,
    port: u16,
    deadline: &mut Deadline,
) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let timeout = deadline.remaining().ok_or(io::ErrorKind::TimedOut)?;
    let ticket = ask(host)?;
    let answer = match deadline.interrupt() {
        Some(interrupt) => ticket.wait(timeout, interrupt.over()),
        None => ticket.wait(timeout, &never()),
    };
    match answer {
        Some(Ok(mut found)) => {
            for address in &mut found {
                address.set_port(port);
            }
            Ok(found)
        }
        Some(Err((kind, text))) => Err(io::Error::new(kind, text)),
        None => {
            let text = format!("the name lookup of `{host}` has not ended");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        }
    }
}

fn ask(host: &str) -> io::Result<Ticket<Answer>> {
    let mut asked = ASKED.lock();
    asked.retain(|_, call| call.is_under_way());
    let call = asked.entry(host.to_owned()).or_default();
    let name = host.to_owned();
    call.join("stream-lookup", move || resolve(&name))
        .map_err(io::Error::other)
}

fn resolve(host: &str) -> Answer {
    #[cfg(test)]
    black_hole::pass(host);
    match (host, 0).to_socket_addrs() {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err((error.kind(), error.to_string())),
    }
}

/// A resolver that hangs, for tests: no test can make the system's hang.
#[cfg(test)]
pub(crate) mod black_hole {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// Names that end with this are looked up for a minute.
    pub(crate) const DOMAIN: &str = ".black-hole.invalid";

    /// How many lookups hang now.
    static HANGING: AtomicUsize = AtomicUsize::new(0);

    pub(crate) fn hanging() -> usize {
        HANGING.load(Ordering::SeqCst)
    }

    #[expect(clippy::disallowed_methods, reason = "nothing wakes a resolver")]
    pub(super) fn pass(host: &str) {
        if host.ends_with(DOMAIN) {
            HANGING.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_secs(60));
            HANGING.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::runtime::Interrupt;

    const AMPLE: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    fn look_up(host: &str, time: Duration) -> io::Result<Vec<SocketAddr>> {
        addresses(host, 7, &mut Deadline::of(time))
    }

    #[test]
    fn addresses_need_no_lookup_and_names_get_the_port() {
        let only = |text: &str| vec![text.parse::<SocketAddr>().unwrap()];
        // No time is left for a lookup.
        assert_eq!(
            look_up("127.0.0.1", Duration::ZERO).unwrap(),
            only("127.0.0.1:7")
        );
        assert_eq!(look_up("::1", Duration::ZERO).unwrap(), only("[::1]:7"));
        let found = look_up("localhost", AMPLE).unwrap();
        assert!(
            !found.is_empty() && found.iter().all(|a| a.port() == 7),
            "{found:?}"
        );
    }

    #[test]
    fn unknown_name_is_said_as_the_system_says_it() {
        let error = look_up("nowhere.invalid", AMPLE).unwrap_err();
        assert!(error.to_string().contains("lookup"), "{error}");
    }

    #[test]
    fn lookup_that_hangs_ends_at_the_deadline_and_costs_one_thread() {
        let host = format!("many{}", black_hole::DOMAIN);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..3 {
                        let error = look_up(&host, SHORT).unwrap_err();
                        assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
                    }
                });
            }
        });
        let asked = ASKED.lock();
        assert!(asked.get(&host).is_some_and(SideCall::is_under_way));
        drop(asked);
        // Other tests have black holes of their own.
        assert!(black_hole::hanging() < 8, "{}", black_hole::hanging());
    }

    #[test]
    fn interrupt_ends_the_wait_for_a_lookup() {
        let interrupt = Interrupt::new();
        let mut deadline = Deadline::of(Duration::MAX).unless(&interrupt);
        let begin = Instant::now();
        thread::scope(|scope| {
            let host = format!("one{}", black_hole::DOMAIN);
            let waiting = scope.spawn(move || addresses(&host, 7, &mut deadline));
            interrupt.end();
            assert!(waiting.join().unwrap().is_err());
        });
        assert!(begin.elapsed() < AMPLE);
    }
}
