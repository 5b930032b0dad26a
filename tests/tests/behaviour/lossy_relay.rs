//! A relay between a client and its server that loses or delays the answer to one
//! request.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;
use stream_tests::wait_until;

use crate::support::DEADLINE;

/// Passes all on, but for calls of one script, as it is told. Its threads end with
/// their connections.
pub(crate) struct LossyRelay {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    /// By which calls of the script are known.
    digest: String,
    stage: Mutex<Stage>,
    /// A call to hand on later.
    kept: Mutex<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Calls pass.
    Open,
    /// The answer to the next call is lost, with its connection.
    Armed,
    /// The next call is kept, and its connection ends.
    Keeping,
    /// An answer was lost. Connections end at further calls, which don't pass.
    Lost,
}

impl LossyRelay {
    /// `source` is the script, and its first line.
    pub(crate) fn before(target: SocketAddr, source: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            target,
            digest: redis::Script::new(source).get_hash().to_owned(),
            stage: Mutex::new(Stage::Open),
            kept: Mutex::default(),
        });
        let accepting = Arc::clone(&shared);
        start(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                start(move || pass(&client, &shared));
            }
        });
        Self { port, shared }
    }

    /// Loses the answer to the next call, and then calls.
    pub(crate) fn lose_next(&self) {
        *self.shared.stage.lock() = Stage::Armed;
    }

    /// Waits until the server has carried out that call.
    #[track_caller]
    pub(crate) fn wait_until_lost(&self) {
        wait_until(DEADLINE, "an answer to be lost", || {
            *self.shared.stage.lock() == Stage::Lost
        });
    }

    /// Keeps the next call, as a stalled network does. Others pass.
    pub(crate) fn keep_next(&self) {
        *self.shared.stage.lock() = Stage::Keeping;
    }

    /// Has the server carry out the call that was kept. Its client is gone.
    pub(crate) fn hand_on_kept(&self) {
        let kept = self.shared.kept.lock().clone();
        assert!(!kept.is_empty(), "nothing was kept");
        let mut server = TcpStream::connect(self.shared.target).unwrap();
        server.write_all(&kept).unwrap();
        let mut answer = [0; 1_024];
        let length = server.read(&mut answer).unwrap();
        assert!(
            answer[..length].starts_with(b"*"),
            "{:?}",
            &answer[..length]
        );
    }

    /// Lets calls pass.
    pub(crate) fn open(&self) {
        *self.shared.stage.lock() = Stage::Open;
    }
}

fn start<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) {
    let thread = thread::Builder::new().name("lossy-relay".to_owned());
    thread.spawn(body).unwrap();
}

fn pass(mut client: &TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let mut server = TcpStream::connect(shared.target)?;
    let loses = Arc::new(AtomicBool::new(false));
    let (replies, back) = (server.try_clone()?, client.try_clone()?);
    let (answering, losing) = (Arc::clone(shared), Arc::clone(&loses));
    start(move || answer(&replies, &back, &answering, &losing));
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = client.read(&mut buffer)?;
        let request = &buffer[..length];
        let digest = shared.digest.as_bytes();
        let calls = request.windows(digest.len()).any(|part| part == digest);
        let stage = *shared.stage.lock();
        if length == 0 || calls && stage == Stage::Lost {
            client.shutdown(Shutdown::Both)?;
            return server.shutdown(Shutdown::Both);
        }
        if calls && stage == Stage::Keeping {
            request.clone_into(&mut shared.kept.lock());
            *shared.stage.lock() = Stage::Open;
            client.shutdown(Shutdown::Both)?;
            return server.shutdown(Shutdown::Both);
        }
        if calls && stage == Stage::Armed {
            loses.store(true, Ordering::SeqCst);
        }
        server.write_all(request)?;
    }
}

fn answer(
    mut replies: &TcpStream,
    mut client: &TcpStream,
    shared: &Shared,
    loses: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let length = replies.read(&mut buffer)?;
        let answer = &buffer[..length];
        if length == 0 {
            return client.shutdown(Shutdown::Both);
        }
        // A server that doesn't know the script yet is asked again.
        if loses.load(Ordering::SeqCst) && !answer.starts_with(b"-NOSCRIPT") {
            *shared.stage.lock() = Stage::Lost;
            client.shutdown(Shutdown::Both)?;
            return replies.shutdown(Shutdown::Both);
        }
        client.write_all(answer)?;
    }
}
