//! A master, two replicas and three sentinels: their start, their failovers, and
//! their end.

use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use redis::{Client, RedisResult, Value};
use rustix::process::{Pid, test_kill_process};
use stream_tests::{Certificates, Direction, Sentinels, Server, ServerError, wait_until};

use crate::DEADLINE;

/// A failover on a busy machine.
const SWITCH: Duration = Duration::from_mins(1);

fn port_of(named: RedisResult<(String, u16)>) -> u16 {
    named.unwrap().1
}

fn named(sentinel: &Server) -> (String, u16) {
    sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster"])
}

#[test]
fn all_know_each_other_at_the_start_and_go_with_their_owner() {
    let sentinels = Sentinels::start().unwrap();
    let master = sentinels.master();
    assert_eq!(master.port(), sentinels.servers()[0].port());
    assert_eq!(sentinels.replicas().len(), 2);
    assert_eq!(sentinels.sentinels().len(), 3);
    for sentinel in sentinels.sentinels() {
        assert_eq!(named(sentinel).1, master.port());
        assert!(sentinels.url().contains(&format!(":{}", sentinel.port())));
    }
    master.command::<Value>(&["SET", "a", "1"]);
    assert_eq!(master.command::<u64>(&["WAIT", "2", "10000"]), 2);
    for replica in sentinels.replicas() {
        assert_eq!(replica.command::<u64>(&["GET", "a"]), 1);
    }

    sentinels.sentinels()[0].freeze();
    let members = sentinels.servers().iter().chain(sentinels.sentinels());
    let members = members.map(|m| (m.pid().unwrap(), m.dir().to_path_buf()));
    let members: Vec<_> = members.collect();
    drop(sentinels);
    for (pid, dir) in members {
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        assert!(test_kill_process(pid).is_err());
        assert!(!dir.exists());
    }
}

#[test]
fn a_killed_master_is_replaced_and_comes_back_as_a_replica() {
    let sentinels = Sentinels::start().unwrap();
    let old = sentinels.master();
    let watch = sentinels.watch(old);
    assert!(watch.first().is_none());
    old.kill();
    watch.wait(SWITCH);
    let new = sentinels.wait_for_switch(old);
    assert_ne!(new.port(), old.port());
    new.command::<Value>(&["SET", "a", "1"]);
    old.restart();
    sentinels.wait_until_whole();
    wait_until(DEADLINE, "the old master to follow", || {
        old.command::<Option<u64>>(&["GET", "a"]) == Some(1)
    });
}

#[test]
fn a_planned_failover_and_a_stale_sentinel() {
    let sentinels = Sentinels::start().unwrap();
    let old = sentinels.master();
    let stale = &sentinels.sentinels()[2];
    stale.freeze();
    sentinels.failover();
    let new = sentinels.wait_for_switch(old);
    assert!(sentinels.named_by(stale).is_none());
    stale.thaw();
    wait_until(SWITCH, "the stale sentinel to learn", || {
        let named = sentinels.named_by(stale);
        named.is_some_and(|server| server.port() == new.port())
    });
    sentinels.wait_until_whole();

    // A sentinel that was restarted knows the others, and is as quick as they are.
    stale.restart();
    sentinels.wait_until_whole();
    if sentinels.coordinated_failover() {
        sentinels.wait_for_switch(new);
    }
}

#[test]
fn passwords_and_users_hold_for_all() {
    let sentinels = Sentinels::options()
        .servers(|server| server.password("p@ss").config("min-replicas-to-write", "1"))
        .sentinels(|sentinel| {
            let user = sentinel.password("guard");
            user.user("asker on >ask ~* &* +@all")
        })
        .start()
        .unwrap();
    assert!(sentinels.url().contains("//:p%40ss@127.0.0.1:"));
    let port = sentinels.sentinels()[0].port();
    let mut command = redis::cmd("SENTINEL");
    command.arg("GET-MASTER-ADDR-BY-NAME").arg("mymaster");
    let bare = Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    let refused = command.query::<Value>(&mut bare.get_connection().unwrap());
    assert_eq!(refused.unwrap_err().code(), Some("NOAUTH"));
    let asker = Client::open(format!("redis://asker:ask@127.0.0.1:{port}/")).unwrap();
    let named = command.query(&mut asker.get_connection().unwrap());
    let old = sentinels.master();
    assert_eq!(port_of(named), old.port());

    old.kill();
    let new = sentinels.wait_for_switch(old);
    let url = new.url();
    assert!(url.contains("p%40ss"), "{url}");
    old.restart();
    sentinels.wait_until_whole();
}

#[test]
fn members_behind_proxies_can_be_cut_off() {
    let sentinels = Sentinels::options().behind_proxies().start().unwrap();
    let old = sentinels.master();
    let proxy = sentinels.proxy_of(old).unwrap();
    assert_eq!(named(&sentinels.sentinels()[0]).1, proxy.port());
    let map = sentinels.address_map();
    assert_eq!(map.reachable("127.0.0.1", proxy.port()).1, old.port());

    // The minority: it goes on serving those that reach it.
    proxy.refuse();
    proxy.cut();
    let new = sentinels.wait_for_switch(old);
    for server in [old, new] {
        let role: Vec<Value> = server.command(&["ROLE"]);
        assert_eq!(role[0], Value::BulkString(b"master".to_vec()));
    }
    proxy.pass();
    sentinels.wait_until_whole();
}

#[test]
#[cfg(target_os = "linux")]
fn clients_do_not_reach_unreachable_members_where_they_announce_themselves() {
    let sentinels = Sentinels::options().unreachable().start().unwrap();
    let old = sentinels.master();
    let (host, port) = named(&sentinels.sentinels()[0]);
    let mut client = TcpStream::connect((host.as_str(), port)).unwrap();
    assert!(!matches!(client.read(&mut [0]), Ok(1..)));
    let (host, port) = sentinels.address_map().reachable(&host, port);
    assert_eq!((host.as_str(), port), ("127.0.0.1", old.port()));
    old.kill();
    sentinels.wait_for_switch(old);
}

#[test]
fn sentinels_tell_names_where_they_are_to() {
    let sentinels = Sentinels::options().hostnames().start().unwrap();
    let old = sentinels.master();
    old.kill();
    let new = sentinels.wait_for_switch(old);
    wait_until(DEADLINE, "all to name the new one", || {
        let all = sentinels.sentinels().iter();
        all.map(named)
            .all(|n| n == ("localhost".to_owned(), new.port()))
    });
}

#[test]
fn servers_and_sentinels_speak_tls_where_they_are_told_to() {
    let certificates = Certificates::generate();
    let files = certificates.server(false);
    let started = Sentinels::options().servers(|server| server.tls(files));
    let sentinels = match started.start() {
        Ok(sentinels) => sentinels,
        Err(e @ ServerError::NoTls { .. }) => {
            eprintln!("not tested: {e}");
            return;
        }
        Err(e) => panic!("{e}"),
    };
    let old = sentinels.master();
    let (_, port) = named(&sentinels.sentinels()[0]);
    assert_eq!(Some(port), old.tls_port());
    let sentinel = sentinels.sentinels()[1].tls_port().unwrap();
    assert!(sentinels.url().starts_with("rediss-sentinel://"));
    assert!(sentinels.url().contains(&format!(":{sentinel}")));
    old.kill();
    let new = sentinels.wait_for_switch(old);
    assert_ne!(new.port(), old.port());
}

#[test]
fn one_sentinel_is_too_few_for_a_failover() {
    let sentinels = Sentinels::start().unwrap();
    for sentinel in &sentinels.sentinels()[1..] {
        sentinel.kill();
    }
    let master = sentinels.master();
    let proxy = stream_tests::Proxy::in_front_of(&sentinels.sentinels()[0]);
    proxy.hold(Direction::Replies);
    assert!(
        sentinels
            .url_at(&[proxy.port()])
            .ends_with("/0?master=mymaster")
    );
    master.freeze();
    let last = &sentinels.sentinels()[0];
    wait_until(SWITCH, "the last sentinel to see it", || {
        last.log().contains("+sdown master")
    });
    assert_eq!(sentinels.named_by(last).unwrap().port(), master.port());
}
