//! Nodes of a cluster that send requests on.

use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;

use super::fake::Fake;
use super::{AMPLE, SHORT, config};
use crate::config::{Address, ConnectionConfig, Place};
use crate::connection::endpoint::Blueprint;
use crate::connection::guide::{Guide, Guided};
use crate::connection::redirect::Redirect;
use crate::connection::{Deadline, Reply, ServerError, Topology, Wire, from_redis};
use crate::error::{Error, ErrorKind, Result};

/// The requests that a node has heard, without those of handshakes and for maps.
type Heard = Arc<Mutex<Vec<String>>>;

/// A node, and who has all slots by its word.
struct Node {
    fake: Fake,
    heard: Heard,
    owner: Arc<AtomicU16>,
}

impl Node {
    fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let (heard, owner) = (Heard::default(), Arc::new(AtomicU16::new(0)));
        let (notes, named) = (Arc::clone(&heard), Arc::clone(&owner));
        let fake = Fake::tcp_at_once(move |peer| {
            while let Some(words) = peer.request() {
                let words = words.join(" ");
                let reply = match words.as_str() {
                    "CLIENT ID" => ":7\r\n".to_owned(),
                    "CLUSTER SLOTS" => slots(named.load(Ordering::SeqCst)),
                    "CLUSTER INFO" => bulk("cluster_current_epoch:1\r\n"),
                    _ => {
                        notes.lock().push(words.clone());
                        match words.as_str() {
                            "ASKING" => "+OK\r\n".to_owned(),
                            _ => answer(&words),
                        }
                    }
                };
                peer.say(reply.as_bytes());
            }
        });
        let node = Self { fake, heard, owner };
        node.owner.store(node.port(), Ordering::SeqCst);
        node
    }

    fn port(&self) -> u16 {
        let (_, port) = self.fake.url().rsplit_once(':').unwrap();
        port.parse().unwrap()
    }

    fn topology(&self) -> Topology {
        let address = format!("127.0.0.1:{}", self.port());
        Topology::new(&ConnectionConfig::cluster([address]).unwrap()).unwrap()
    }

    /// As [`topology`](Self::topology), which has the map.
    fn known(&self) -> Topology {
        let topology = self.topology();
        topology.run(b"k", AMPLE, |_| Ok(())).unwrap();
        topology
    }

    fn take_heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock())
    }
}

fn bulk(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn slots(port: u16) -> String {
    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:{port}\r\n$1\r\nx\r\n")
}

fn get(wire: &mut Wire) -> Result<String> {
    let value = redis::cmd("GET").arg("k").query(wire);
    value.map_err(from_redis)
}

/// Notes how often it is told of a node that doesn't answer.
#[derive(Debug, Default)]
struct Stalls(AtomicUsize);

impl Guide for Stalls {
    fn note(&self, _: &Redirect, _: &Address) {}

    fn stalls(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn exchange(
        &self,
        _: &Redirect,
        _: &Address,
        _: &[u8],
        _: Duration,
    ) -> Result<(Reply, Address)> {
        Err(error("MOVED"))
    }
}

fn error(line: &str) -> Error {
    ServerError::new(line.as_bytes()).into_error()
}

#[test]
fn a_node_that_takes_unusually_long_is_told_of() {
    let server = Fake::tcp(|peer| {
        peer.greet();
        while peer.request().is_some() {}
    });
    let stalls = Arc::new(Stalls::default());
    let guide: Weak<dyn Guide> = Arc::downgrade(&(Arc::clone(&stalls) as Arc<dyn Guide>));
    let config = config(&server);
    let Place::Server(address) = &config.place else {
        unreachable!("there is one server")
    };
    let blueprint = Blueprint::new(&config).unwrap();
    let blueprint = blueprint.guided_by(Guided::by(guide));
    let endpoint = Arc::new(blueprint.endpoint(address).unwrap());
    let told = |usual| {
        let mut wire = Wire::connect_by(&endpoint, &mut Deadline::of(AMPLE)).unwrap();
        wire.expect_within(usual);
        wire.send(b"*1\r\n$4\r\nPING\r\n", 1).unwrap();
        assert!(wire.receive(SHORT).is_err());
        stalls.0.swap(0, Ordering::SeqCst)
    };
    // The end of the deadline counts, too.
    assert_eq!(told(AMPLE), 1);
    assert!(told(SHORT / 6) > 1);
}

#[test]
fn one_request_is_asked_for_where_its_key_is_on_its_way_to() {
    let new = Node::start(|_| bulk("v"));
    let ask = format!("-ASK 7629 127.0.0.1:{}\r\n", new.port());
    let old = Node::start(move |_| ask.clone());
    let topology = old.topology();
    for _ in 0..2 {
        assert_eq!(topology.run(b"k", AMPLE, get).unwrap(), "v");
        // The slot is still the old node's: it is asked first, each time.
        assert_eq!(old.take_heard(), ["GET k"]);
        assert_eq!(new.take_heard(), ["ASKING", "GET k"]);
    }
    topology.close();
}

#[test]
fn a_slot_that_has_moved_is_looked_for_at_its_new_node() {
    let new = Node::start(|_| bulk("v"));
    let moved = format!("-MOVED 7629 127.0.0.1:{}\r\n", new.port());
    let old = Node::start(move |_| moved.clone());
    let topology = old.topology();
    assert_eq!(
        topology.run(b"j", AMPLE, |wire| Ok(wire.is_broken())).ok(),
        Some(false)
    );
    old.owner.store(new.port(), Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(topology.run(b"k", AMPLE, get).unwrap(), "v");
    }
    assert!(old.take_heard().len() <= 1);
    assert_eq!(new.take_heard(), ["GET k"; 3]);
    topology.close();
}

#[test]
fn each_command_of_a_pipeline_is_asked_for() {
    let new = Node::start(bulk);
    let old = Node::start(|_| panic!("nobody is sent here"));
    let topology = old.topology();
    let line = format!("ASK 7629 127.0.0.1:{}", new.port());
    let asked = error(&line);
    let values = topology.run_after(b"k", AMPLE, Some(&asked), |wire| {
        let mut pipe = redis::pipe();
        pipe.cmd("GET").arg("k").cmd("ECHO").arg("b");
        pipe.query::<Vec<String>>(wire).map_err(from_redis)
    });
    assert_eq!(values.unwrap(), ["GET k", "ECHO b"]);
    assert_eq!(new.take_heard(), ["ASKING", "GET k", "ASKING", "ECHO b"]);
    // The connection is as any other in its next use.
    old.owner.store(new.port(), Ordering::SeqCst);
    let next = || topology.run(b"k", AMPLE, get).unwrap();
    super::eventually(|| {
        topology.refresh();
        topology.node_for(b"k").is_some_and(|node| {
            let address = node.endpoint().address().to_string();
            address.ends_with(&format!(":{}", new.port()))
        })
    });
    assert_eq!(next(), "GET k");
    assert_eq!(new.take_heard(), ["GET k"]);
    topology.close();
}

#[test]
fn nodes_that_do_not_agree_are_no_reason_to_run_in_circles() {
    let other = Arc::new(AtomicU16::new(0));
    let to = Arc::clone(&other);
    let one =
        Node::start(move |_| format!("-MOVED 7629 127.0.0.1:{}\r\n", to.load(Ordering::SeqCst)));
    let back = format!("-MOVED 7629 127.0.0.1:{}\r\n", one.port());
    let two = Node::start(move |_| back.clone());
    other.store(two.port(), Ordering::SeqCst);
    let topology = one.topology();
    let error = topology.run_alone(b"k", get).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    topology.close();
}

#[test]
fn a_transaction_is_not_sent_on() {
    let new = Node::start(|_| panic!("nobody is sent here"));
    let ask = format!("-ASK 7629 127.0.0.1:{}\r\n", new.port());
    let old = Node::start(move |words| match words {
        "MULTI" => "+OK\r\n".to_owned(),
        "EXEC" => "-EXECABORT Transaction discarded\r\n".to_owned(),
        _ => ask.clone(),
    });
    let topology = old.known();
    let both = |wire: &mut Wire| {
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("GET").arg("k");
        pipe.query::<Vec<String>>(wire).map_err(from_redis)
    };
    let error = topology.run(b"k", SHORT, both).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("is moving"), "{error}");
    let watch = |wire: &mut Wire| redis::cmd("WATCH").arg("k").exec(wire).map_err(from_redis);
    let error = topology.run(b"k", SHORT, watch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("is moving"), "{error}");
    topology.close();
}

#[test]
fn an_error_that_is_left_says_that_nothing_was_written() {
    let node = Node::start(|_| bulk("v"));
    let topology = node.known();
    let line = format!("MOVED 7629 127.0.0.1:{}", node.port());
    let refused = topology.run::<()>(b"k", SHORT, |_| Err(error(&line)));
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    assert!(refused.to_string().contains("not written"), "{refused}");
    topology.close();
}
