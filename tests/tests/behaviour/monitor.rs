//! The requests that a server receives (`MONITOR`).

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use stream_tests::Server;

/// One command as a client has sent it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The client's address.
    pub(crate) client: String,
    /// The command and its arguments, each in quotes.
    pub(crate) text: String,
}

impl Request {
    pub(crate) fn is(&self, command: &str) -> bool {
        self.text
            .get(..command.len() + 2)
            .is_some_and(|begin| begin.eq_ignore_ascii_case(&format!("\"{command}\"")))
    }
}

/// Listens until it is dropped.
pub(crate) struct Monitor {
    socket: TcpStream,
    seen: Arc<Mutex<Vec<Request>>>,
    listener: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Listens from now on.
    #[track_caller]
    pub(crate) fn start(server: &Server) -> Self {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(socket.try_clone().unwrap());
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line.trim_end(), "+OK");
        let seen = Arc::<Mutex<Vec<Request>>>::default();
        let into = Arc::clone(&seen);
        let listen = move || {
            for line in lines.lines().map_while(Result::ok) {
                into.lock().extend(request(&line));
            }
        };
        let listener = thread::Builder::new().name("monitor".to_owned());
        let listener = listener.spawn(listen).unwrap();
        Self {
            socket,
            seen,
            listener: Some(listener),
        }
    }

    /// What clients have sent, without the commands within scripts, and those by
    /// which a test asks.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().clone()
    }

    pub(crate) fn count(&self, command: &str) -> usize {
        let seen = self.seen.lock();
        seen.iter().filter(|request| request.is(command)).count()
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// `+<time> [<db> <client>] "<command>" …`
fn request(line: &str) -> Option<Request> {
    let (_, rest) = line.split_once('[')?;
    let (client, text) = rest.split_once("] ")?;
    let (_, client) = client.split_once(' ')?;
    (client != "lua").then(|| Request {
        client: client.to_owned(),
        text: text.to_owned(),
    })
}
