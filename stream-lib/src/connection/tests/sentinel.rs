//! Sentinels and masters on threads, which say what they are told to.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::fake::{Fake, Peer};
use super::{AMPLE, SHORT, eventually};
use crate::config::{ConnectionConfig, Credentials};
use crate::connection::{Link, LinkHandle, Topology, Wire};
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Shutdown;

const MASTER: &str = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
const REPLICA: &str = "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";

/// The answer of a sentinel: a port of this machine and its epoch, if any.
type Named = Arc<Mutex<Option<(u16, u64)>>>;

/// The requests that a server has heard.
type Heard = Arc<Mutex<Vec<String>>>;

fn bulk(text: &(impl ToString + ?Sized)) -> String {
    let text = text.to_string();
    format!("${}\r\n{text}\r\n", text.len())
}

fn sentinel(named: &Named, heard: &Heard) -> Fake {
    let (named, heard) = (Arc::clone(named), Arc::clone(heard));
    Fake::tcp_at_once(move |peer| {
        while let Some(request) = peer.request() {
            let request = request.join(" ");
            answer(peer, &request, *named.lock());
            heard.lock().push(request);
        }
    })
}

fn answer(peer: &mut Peer, request: &str, named: Option<(u16, u64)>) {
    let answer = match request.split(' ').nth(1).unwrap_or_default() {
        "ID" => ":1\r\n".to_owned(),
        "GET-MASTER-ADDR-BY-NAME" => named.map_or("*-1\r\n".to_owned(), |(port, _)| {
            format!("*2\r\n{}{}", bulk("127.0.0.1"), bulk(&port))
        }),
        "MASTER" => named.map_or("-ERR No such master\r\n".to_owned(), |(_, epoch)| {
            format!("*2\r\n{}{}", bulk("config-epoch"), bulk(&epoch))
        }),
        "SENTINELS" => "*0\r\n".to_owned(),
        "MYID" => bulk(&1),
        "+switch-master" => format!("*3\r\n{}{}:1\r\n", bulk("subscribe"), bulk("x")),
        _ => "+OK\r\n".to_owned(),
    };
    peer.say(answer.as_bytes());
}

/// As [`sentinel`], which announces a switch of `shop` after each announcement that
/// it is given.
fn announcing(named: &Named, heard: &Heard) -> (Fake, Sender<&'static str>) {
    let (named, heard) = (Arc::clone(named), Arc::clone(heard));
    let (tell, told) = mpsc::channel();
    let told = Mutex::new(told);
    let fake = Fake::tcp_at_once(move |peer| {
        while let Some(request) = peer.request() {
            let request = request.join(" ");
            answer(peer, &request, *named.lock());
            heard.lock().push(request.clone());
            if request.starts_with("SUBSCRIBE") {
                while let Ok(text) = told.lock().recv() {
                    let message = [bulk("message"), bulk("+switch-master"), bulk(text)];
                    peer.say(format!("*3\r\n{}", message.concat()).as_bytes());
                }
            }
        }
    });
    (fake, tell)
}

/// A server that answers its role by these in turn, the last one for ever.
fn server(roles: &[&str]) -> Fake {
    let roles: Mutex<VecDeque<_>> = Mutex::new(roles.iter().map(ToString::to_string).collect());
    Fake::tcp_at_once(move |peer| {
        while let Some(request) = peer.request() {
            match request[0].as_str() {
                "CLIENT" => peer.say(b":7\r\n"),
                "ROLE" => {
                    let mut roles = roles.lock();
                    let role = roles.pop_front().unwrap();
                    if roles.is_empty() {
                        roles.push_back(role.clone());
                    }
                    drop(roles);
                    peer.say(role.as_bytes());
                }
                "INFO" => peer.say(b"$27\r\n# Replication\r\nrole:slave\r\n\r\n"),
                "PING" => peer.say(b"+PONG\r\n"),
                _ => peer.until_hangup(),
            }
        }
    })
}

/// As [`sentinel`], called `id`, which names one other sentinel, called `2`. If that has
/// port 0, it hangs up at each request.
fn telling(id: u8, named: &Named, heard: &Heard, other: &Arc<Mutex<Option<u16>>>) -> Fake {
    let (named, heard, other) = (Arc::clone(named), Arc::clone(heard), Arc::clone(other));
    Fake::tcp_at_once(move |peer| {
        while let Some(request) = peer.request() {
            let request = request.join(" ");
            let other = *other.lock();
            match (request.split(' ').nth(1), other) {
                (_, Some(0)) => return,
                (Some("MYID"), _) => peer.say(bulk(&id).as_bytes()),
                (Some("SENTINELS"), Some(port)) => {
                    let words = ["ip", "127.0.0.1", "port", &port.to_string(), "runid", "2"];
                    let words = words.map(bulk).concat();
                    peer.say(format!("*1\r\n*6\r\n{words}").as_bytes());
                }
                _ => answer(peer, &request, *named.lock()),
            }
            heard.lock().push(request);
        }
    })
}

fn silent() -> Fake {
    Fake::tcp_at_once(Peer::until_hangup)
}

fn port(fake: &Fake) -> u16 {
    fake.url().rsplit(':').next().unwrap().parse().unwrap()
}

fn name(named: &Named, server: &Fake, epoch: u64) {
    *named.lock() = Some((port(server), epoch));
}

fn config(sentinels: &[&Fake]) -> ConnectionConfig {
    let addresses = sentinels.iter().map(|s| format!("127.0.0.1:{}", port(s)));
    ConnectionConfig::sentinel("shop", addresses).unwrap()
}

fn ping(wire: &mut Wire) -> Result<()> {
    wire.send(b"*1\r\n$4\r\nPING\r\n", 1)?;
    wire.receive(AMPLE).map(drop)
}

fn leads_to(wire: &Wire, server: &Fake) -> bool {
    wire.endpoint().address().to_string() == format!("127.0.0.1:{}", port(server))
}

#[test]
fn a_caller_that_waits_for_a_dead_address_gets_the_new_one() {
    let (named, heard) = (Named::default(), Heard::default());
    let (dead, alive) = (silent(), server(&[MASTER]));
    name(&named, &dead, 1);
    let sentinel = sentinel(&named, &heard);
    let config = config(&[&sentinel]).connect_timeout(Duration::from_secs(3_000));
    let topology = Topology::new(&config.pool_size(1)).unwrap();
    let hour = Duration::from_secs(3_600);
    thread::scope(|scope| {
        // Pooled, waiting for a place in the pool, dedicated, and as a link.
        let pooled = scope.spawn(|| topology.pooled(b"a", hour).map(|w| leads_to(&w, &alive)));
        let queued = scope.spawn(|| topology.pooled(b"a", hour).map(|w| leads_to(&w, &alive)));
        let dedicated = scope.spawn(|| topology.dedicated(b"a"));
        eventually(|| topology.node_for(b"a").is_some());
        // As long as this takes, they have time to connect.
        assert!(topology.pooled(b"a", SHORT).is_err());
        name(&named, &alive, 2);
        topology.refresh();
        assert!(pooled.join().unwrap().unwrap());
        assert!(queued.join().unwrap().unwrap());
        assert!(leads_to(&dedicated.join().unwrap().unwrap(), &alive));
    });
    topology.close();
}

#[test]
fn a_blocked_call_and_a_pause_end_when_there_is_another_master() {
    let (named, heard) = (Named::default(), Heard::default());
    let (old, new) = (server(&[MASTER]), server(&[MASTER]));
    name(&named, &old, 1);
    let sentinel = sentinel(&named, &heard);
    let topology = Arc::new(Topology::new(&config(&[&sentinel])).unwrap());
    let handle = LinkHandle::default();
    let mut link = Link::new(Arc::clone(&topology), "a", handle.clone());
    link.run(ping).unwrap();
    let (node, _) = handle.client().unwrap();
    thread::scope(|scope| {
        let blocked = scope.spawn(|| {
            let read = |wire: &mut Wire| {
                wire.send(b"*1\r\n$5\r\nBLOCK\r\n", 1)?;
                wire.receive(Duration::from_secs(3_600)).map(drop)
            };
            assert!(link.run(read).is_err());
            let stop = Shutdown::default();
            // News that came before ends it at once.
            link.pause(&stop, Duration::from_secs(3_600));
            link.run(ping).unwrap();
            link
        });
        name(&named, &new, 2);
        topology.refresh();
        let mut link = blocked.join().unwrap();
        assert!(leads_to(link.live_wire().unwrap(), &new));
        assert!(node.is_retired());
        let refused = Topology::run_at(&node, AMPLE, ping).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        // News that comes later, too.
        let paused = scope.spawn(move || {
            link.pause(&Shutdown::default(), Duration::from_secs(3_600));
        });
        name(&named, &old, 3);
        topology.refresh();
        paused.join().unwrap();
    });
}

#[test]
fn an_announcement_is_enough() {
    let (named, heard) = (Named::default(), Heard::default());
    let (old, new) = (server(&[MASTER]), server(&[MASTER]));
    name(&named, &old, 1);
    // The announcing sentinel goes first, also after a failure: the other waits for it.
    let (sentinel, tell) = announcing(&named, &heard);
    let topology = Topology::new(&config(&[&sentinel])).unwrap();
    drop(topology.pooled(b"a", AMPLE).unwrap());
    // One round was asked for by us, and one by the new subscription.
    let rounds = || heard.lock().iter().filter(|r| r.contains("MYID")).count();
    eventually(|| rounds() == 2);
    name(&named, &new, 2);
    tell.send("other 127.0.0.1 1 127.0.0.1 2").unwrap();
    tell.send("shop 127.0.0.1 1 127.0.0.1 2").unwrap();
    // The clock would do it after ten seconds.
    // The first news was the address of the master.
    let time = Duration::from_secs(5);
    assert!(topology.pause(1, &Shutdown::default(), time, || false));
    assert!(leads_to(&topology.pooled(b"a", AMPLE).unwrap(), &new));
}

#[test]
fn a_pooled_connection_in_use_has_a_moment_for_its_answers() {
    let (named, heard) = (Named::default(), Heard::default());
    let (old, new) = (server(&[MASTER]), server(&[MASTER]));
    name(&named, &old, 1);
    let sentinel = sentinel(&named, &heard);
    let topology = Topology::new(&config(&[&sentinel])).unwrap();
    let mut used = topology.pooled(b"a", AMPLE).unwrap();
    let node = topology.node_for(b"a").unwrap();
    name(&named, &new, 2);
    topology.refresh();
    eventually(|| node.is_retired());
    assert!(used.is_outdated());
    let begin = Instant::now();
    let waiting = used.send(b"*1\r\n$5\r\nBLOCK\r\n", 1);
    waiting
        .and_then(|()| used.receive(AMPLE).map(drop))
        .unwrap_err();
    assert!(begin.elapsed() < AMPLE, "it was ended");
    drop(used);
    assert!(leads_to(&topology.pooled(b"a", AMPLE).unwrap(), &new));
}

#[test]
fn a_server_that_is_no_master_yet_is_asked_again() {
    let (named, heard) = (Named::default(), Heard::default());
    let server = server(&[REPLICA, REPLICA, MASTER, REPLICA, MASTER]);
    name(&named, &server, 1);
    let sentinel = sentinel(&named, &heard);
    let topology = Topology::new(&config(&[&sentinel])).unwrap();
    assert!(leads_to(&topology.pooled(b"a", AMPLE).unwrap(), &server));
    assert!(leads_to(&topology.dedicated(b"a").unwrap(), &server));
}

#[test]
fn a_replica_is_known_by_its_facts_where_it_may_not_be_asked() {
    let (named, heard) = (Named::default(), Heard::default());
    let server = server(&["-NOPERM this user has no permissions to run the 'role' command\r\n"]);
    name(&named, &server, 1);
    let sentinel = sentinel(&named, &heard);
    let topology = Topology::new(&config(&[&sentinel])).unwrap();
    eventually(|| {
        let error = topology.pooled(b"a", SHORT).unwrap_err();
        error.to_string().contains("is no master, but a `slave`")
    });
}

#[test]
fn a_server_that_says_nothing_of_its_role_is_taken_for_the_master() {
    let (named, heard) = (Named::default(), Heard::default());
    let server = Fake::tcp_at_once(|peer| {
        while let Some(request) = peer.request() {
            match request[0].as_str() {
                "CLIENT" => peer.say(b":7\r\n"),
                _ => peer.say(b"-NOPERM this user has no permissions\r\n"),
            }
        }
    });
    name(&named, &server, 1);
    let sentinel = sentinel(&named, &heard);
    let topology = Topology::new(&config(&[&sentinel])).unwrap();
    assert!(leads_to(&topology.pooled(b"a", AMPLE).unwrap(), &server));
}

#[test]
fn a_sentinel_gets_its_own_credentials_and_no_database() {
    let (named, heard) = (Named::default(), Heard::default());
    let server = server(&[MASTER]);
    name(&named, &server, 1);
    let sentinel = sentinel(&named, &heard);
    let config = config(&[&sentinel]).sentinel_credentials("guard", "s3cret");
    let topology = Topology::new(&config).unwrap();
    topology.pooled(b"a", AMPLE).unwrap();
    let asked = heard.lock().clone();
    assert!(asked.contains(&"AUTH guard s3cret".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|r| r.starts_with("SELECT")), "{asked:?}");
    assert!(asked.contains(&"SENTINEL GET-MASTER-ADDR-BY-NAME shop".to_owned()));
}

#[test]
fn a_sentinel_gets_what_the_provider_for_sentinels_gives() {
    let (named, heard) = (Named::default(), Heard::default());
    let server = server(&[MASTER]);
    name(&named, &server, 1);
    let sentinel = sentinel(&named, &heard);
    let config = config(&[&sentinel])
        .sentinel_credentials("guard", "lapsed")
        .sentinel_credentials_provider(|| Ok::<_, Error>(Credentials::new("fresh").user("g")));
    let topology = Topology::new(&config).unwrap();
    topology.pooled(b"a", AMPLE).unwrap();
    let asked = heard.lock().clone();
    assert!(asked.contains(&"AUTH g fresh".to_owned()), "{asked:?}");
    assert!(!asked.iter().any(|r| r.contains("lapsed")), "{asked:?}");
}

#[test]
fn the_highest_epoch_is_followed_whoever_answers() {
    let stale = Named::default();
    let (named, heard) = (Named::default(), Heard::default());
    let (old, new) = (server(&[MASTER]), server(&[MASTER]));
    name(&stale, &old, 4);
    name(&named, &new, 5);
    let sentinels = [
        sentinel(&stale, &heard),
        sentinel(&stale, &heard),
        sentinel(&named, &heard),
    ];
    let [a, b, c] = &sentinels;
    let topology = Topology::new(&config(&[a, b, c])).unwrap();
    // The majority may have answered first.
    eventually(|| {
        topology.refresh();
        let wire = topology.pooled(b"a", AMPLE).unwrap();
        leads_to(&wire, &new)
    });
}

fn kind_and_text(made: Result<Wire>) -> (ErrorKind, String) {
    let error: Error = made.unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn without_an_answer_it_fails_at_once_and_says_what_each_said() {
    let heard = Heard::default();
    let unknown = sentinel(&Named::default(), &heard);
    let gone = {
        let gone = silent();
        port(&gone)
    };
    let refusing = Fake::tcp_at_once(|peer| {
        while peer.request().is_some() {
            peer.say(b"-NOAUTH Authentication required.\r\n");
        }
    });
    let addresses = [port(&unknown), gone, port(&refusing)].map(|p| format!("127.0.0.1:{p}"));
    let config = ConnectionConfig::sentinel("shop", &addresses).unwrap();
    let topology = Topology::new(&config).unwrap();
    let (kind, text) = kind_and_text(topology.dedicated(b"a"));
    assert_eq!(kind, ErrorKind::Unavailable);
    let [unknown, gone, refusing] = &addresses;
    for said in [
        format!("{unknown} doesn't watch a master of that name"),
        format!("{gone}: can't connect to the sentinel at {gone}"),
        format!("{refusing}: the sentinel at {refusing} wants a user name or password"),
        "`shop`".to_owned(),
    ] {
        assert!(text.contains(&said), "{said}: {text}");
    }
}

#[test]
fn a_sentinel_that_says_nothing_is_named_in_the_error() {
    let heard = Heard::default();
    let (unknown, silent) = (sentinel(&Named::default(), &heard), silent());
    let topology = Topology::new(&config(&[&unknown, &silent])).unwrap();
    let (kind, text) = kind_and_text(topology.dedicated(b"a"));
    assert_eq!(kind, ErrorKind::Unavailable);
    let said = format!("127.0.0.1:{} has not answered in time", port(&silent));
    assert!(text.contains(&said), "{text}");
}

#[test]
fn a_sentinel_that_has_moved_is_asked_where_it_is_now() {
    let named = Named::default();
    let server = server(&[MASTER]);
    name(&named, &server, 1);
    let (heard, gone) = ([(); 2].map(|()| Heard::default()), Arc::default());
    let before = telling(2, &named, &heard[0], &gone);
    let after = telling(2, &named, &heard[1], &Arc::default());
    let other = Arc::new(Mutex::new(Some(port(&before))));
    let seed = telling(1, &named, &Heard::default(), &other);
    let topology = Topology::new(&config(&[&seed])).unwrap();
    let is_asked = |heard: &Heard| {
        topology.refresh();
        !heard.lock().is_empty()
    };
    eventually(|| is_asked(&heard[0]));
    *gone.lock() = Some(0);
    *other.lock() = Some(port(&after));
    eventually(|| is_asked(&heard[1]));
}

#[test]
fn a_master_that_nobody_watches_is_a_mistake() {
    let heard = Heard::default();
    let sentinels = [(); 3].map(|()| sentinel(&Named::default(), &heard));
    let [a, b, c] = &sentinels;
    let topology = Topology::new(&config(&[a, b, c])).unwrap();
    let (kind, text) = kind_and_text(topology.dedicated(b"a"));
    assert_eq!(kind, ErrorKind::Config, "{text}");
    let (kind, _) = kind_and_text(topology.pooled(b"a", AMPLE).map(|_| unreachable!()));
    assert_eq!(kind, ErrorKind::Config);
}

#[test]
fn a_wrong_password_at_all_sentinels_keeps_its_kind() {
    let refusing = Fake::tcp_at_once(|peer| {
        while peer.request().is_some() {
            peer.say(b"-WRONGPASS invalid username-password pair\r\n");
        }
    });
    let config = config(&[&refusing]).sentinel_credentials("", "hunter2");
    let topology = Topology::new(&config).unwrap();
    let (kind, text) = kind_and_text(topology.dedicated(b"a"));
    assert_eq!(kind, ErrorKind::Authentication, "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn closing_wakes_those_who_wait_for_a_sentinel() {
    let silent = silent();
    let topology = Topology::new(&config(&[&silent])).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| topology.pooled(b"a", AMPLE).map(drop));
        topology.close();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
    });
    assert_eq!(kind_and_text(topology.dedicated(b"a")).0, ErrorKind::Closed);
}
