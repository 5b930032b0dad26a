//! A tcp proxy that makes the network misbehave.

mod event_loop;
mod faults;
mod lane;
mod link;

use std::io;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use self::event_loop::EventLoop;
use self::faults::Faults;
pub use self::faults::{Direction, Traffic};
use crate::server::Server;

const ACTION_DEADLINE: Duration = Duration::from_secs(10);

/// A tcp proxy on 127.0.0.1 in front of a server.
///
/// It passes bytes on unchanged until it is told to misbehave. Faults apply to present
/// and future connections, until [`pass`](Self::pass). All methods take effect before
/// they return; the proxy ends on drop.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// The state that the proxy's handle and its thread share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// A byte here ends the thread's `poll`.
    bell: UnixStream,
}

#[derive(Debug, Default)]
struct State {
    faults: Faults,
    traffic: Traffic,
    open_connections: usize,
    /// The target of new connections.
    target: Option<SocketAddr>,
    /// The only address whose connections are not reset.
    guest: Option<IpAddr>,
    actions: Vec<(Action, SyncSender<()>)>,
    closing: bool,
}

/// An action on all present connections.
#[derive(Debug, Clone, Copy)]
enum Action {
    Reset,
    Close,
    HalfClose(Direction),
    /// No action; it is answered when the thread has seen the newest faults.
    Notice,
}

impl Proxy {
    /// Starts a proxy in front of a private server.
    ///
    /// # Panics
    ///
    /// When no port can be opened.
    #[track_caller]
    pub fn in_front_of(server: &Server) -> Self {
        Self::to(server.address())
    }

    /// Starts a proxy in front of an address.
    ///
    /// # Panics
    ///
    /// When no port can be opened.
    #[track_caller]
    pub fn to(target: SocketAddr) -> Self {
        Self::open(target).expect("starting a proxy on a free port")
    }

    fn open(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (bell, alarm) = UnixStream::pair()?;
        // A full bell rings already, so this must not block.
        bell.set_nonblocking(true)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::default()),
            bell,
        });
        let event_loop = EventLoop::new(listener, alarm, target, Arc::clone(&shared))?;
        let thread = thread::Builder::new()
            .name("test-proxy".to_owned())
            .spawn(move || event_loop.run())?;
        Ok(Self {
            address,
            shared,
            thread: Some(thread),
        })
    }

    /// The address that clients connect to. [`Server::url_at`] makes a URL of the port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends all faults: held bytes go on, and new ones pass. Swallowed bytes are lost,
    /// and cut connections stay cut.
    pub fn pass(&self) {
        self.with_faults(|faults| *faults = Faults::default());
    }

    /// Delays every byte of one direction.
    pub fn delay(&self, direction: Direction, by: Duration) {
        self.with_faults(|faults| faults.way_mut(direction).delay = by);
    }

    /// Holds the bytes of one direction until [`pass`](Self::pass), as a
    /// stalled network does. Connections stay open.
    pub fn hold(&self, direction: Direction) {
        self.with_faults(|faults| faults.way_mut(direction).hold = true);
    }

    /// Swallows the bytes of one direction: they are read and thrown away. New
    /// connections are accepted. A connection that has lost bytes is of no
    /// more use after [`pass`](Self::pass).
    pub fn swallow(&self, direction: Direction) {
        self.with_faults(|faults| faults.way_mut(direction).swallow = true);
    }

    /// Swallows the bytes of both directions.
    pub fn black_hole(&self) {
        self.with_faults(|faults| {
            for direction in Direction::BOTH {
                faults.way_mut(direction).swallow = true;
            }
        });
    }

    /// Writes no more than `size` bytes of one direction at once, with `gap`
    /// in between.
    pub fn trickle(&self, direction: Direction, size: usize, gap: Duration) {
        self.with_faults(|faults| faults.way_mut(direction).trickle = Some((size.max(1), gap)));
    }

    /// Passes `bytes` more bytes in one direction, over all connections, and
    /// then resets the connection that carries the next one. Strikes once.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.with_faults(|faults| faults.way_mut(direction).cut_after = Some(bytes));
    }

    /// Resets every new connection at once, until [`pass`](Self::pass).
    pub fn refuse(&self) {
        self.with_faults(|faults| faults.refuse = true);
    }

    /// Resets (RST) all connections that there are. New ones pass.
    pub fn cut(&self) {
        self.act(Action::Reset);
    }

    /// Closes (FIN) all connections that there are, as a server that ends.
    pub fn close(&self) {
        self.act(Action::Close);
    }

    /// Ends one direction of all connections that there are; the other stays
    /// open. With [`Direction::Replies`] the client reads the end of the
    /// stream, but can still write.
    pub fn half_close(&self, direction: Direction) {
        self.act(Action::HalfClose(direction));
    }

    /// Has new connections go to another address. Those that there are stay where
    /// they are, as with a forwarder whose backend was replaced.
    pub fn redirect(&self, target: SocketAddr) {
        self.shared.state.lock().target = Some(target);
    }

    /// Resets new connections from all addresses but one, whatever the other faults, as
    /// for clients outside of the network.
    pub fn admit_only(&self, guest: IpAddr) {
        self.shared.state.lock().guest = Some(guest);
    }

    /// The bytes that have passed since the start or since
    /// [`reset_traffic`](Self::reset_traffic).
    pub fn traffic(&self) -> Traffic {
        self.shared.state.lock().traffic
    }

    /// Counts from zero again.
    pub fn reset_traffic(&self) {
        self.shared.state.lock().traffic = Traffic::default();
    }

    /// The connections that are open now.
    pub fn open_connections(&self) -> usize {
        self.shared.state.lock().open_connections
    }

    fn with_faults(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.shared.state.lock().faults);
        self.act(Action::Notice);
    }

    fn act(&self, action: Action) {
        let (done, seen) = mpsc::sync_channel(1);
        self.shared.state.lock().actions.push((action, done));
        self.shared.ring();
        assert!(
            seen.recv_timeout(ACTION_DEADLINE).is_ok(),
            "the proxy's thread did not carry out {action:?}"
        );
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the proxy's thread panicked");
        }
    }
}

impl Shared {
    fn ring(&self) {
        let _ = (&self.bell).write(&[1]);
    }
}
