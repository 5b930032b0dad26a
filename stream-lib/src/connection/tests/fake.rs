//! A server on a thread, which follows a script.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::AMPLE;
use crate::connection::scan::{Limits, Progress, Scanner};

/// Accepts connections one after the other and runs the script on each.
pub(super) struct Fake {
    url: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Fake {
    pub(super) fn tcp(script: impl FnMut(&mut Peer) + Send + 'static) -> Self {
        Self::tcp_through(|stream| Some(Box::new(stream)), script)
    }

    /// As [`tcp`](Self::tcp), with a thread for each connection.
    pub(super) fn tcp_at_once(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wake = move || drop(TcpStream::connect(address));
        Self::run(format!("redis://{address}"), wake, move |stop| {
            thread::scope(|scope| {
                while let Ok((stream, _)) = listener.accept() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let script = &script;
                    scope.spawn(move || {
                        stream.set_read_timeout(Some(AMPLE)).unwrap();
                        let tcp = stream.try_clone().unwrap();
                        script(&mut Peer::new(Box::new(stream), Some(tcp)));
                    });
                }
            });
        })
    }

    /// `wrap` stands between the socket and the script: TLS.
    pub(super) fn tcp_through(
        mut wrap: impl FnMut(TcpStream) -> Option<Box<dyn Duplex>> + Send + 'static,
        mut script: impl FnMut(&mut Peer) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let wake = move || drop(TcpStream::connect(address));
        Self::run(format!("redis://{address}"), wake, move |stop| {
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                stream.set_read_timeout(Some(AMPLE)).unwrap();
                stream.set_write_timeout(Some(AMPLE)).unwrap();
                let tcp = stream.try_clone().unwrap();
                if let Some(stream) = wrap(stream) {
                    script(&mut Peer::new(stream, Some(tcp)));
                }
            }
        })
    }

    pub(super) fn unix(
        directory: &std::path::Path,
        mut script: impl FnMut(&mut Peer) + Send + 'static,
    ) -> Self {
        let path = directory.join("redis.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let url = format!("unix://{}", path.display());
        let wake = move || drop(UnixStream::connect(&path));
        Self::run(url, wake, move |stop| {
            while let Ok((stream, _)) = listener.accept() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                stream.set_read_timeout(Some(AMPLE)).unwrap();
                script(&mut Peer::new(Box::new(stream), None));
            }
        })
    }

    fn run(
        url: String,
        wake: impl Fn() + Send + Sync + 'static,
        serve: impl FnOnce(&AtomicBool) + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = move || serve(&stopped);
        let thread = thread::Builder::new()
            .name("fake".to_owned())
            .spawn(serve)
            .unwrap();
        Self {
            url,
            stop,
            thread: Some(thread),
            wake: Box::new(wake),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// The URL with something before the host.
    pub(super) fn url_as(&self, scheme: &str, user_info: &str) -> String {
        self.url
            .replace("redis://", &format!("{scheme}://{user_info}"))
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        (self.wake)();
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the script failed");
        }
    }
}

pub(super) trait Duplex: Read + Write + Send {}
impl<T: Read + Write + Send> Duplex for T {}

/// The script's end of a connection.
pub(super) struct Peer {
    stream: Box<dyn Duplex>,
    tcp: Option<TcpStream>,
    read: Vec<u8>,
}

impl Peer {
    fn new(stream: Box<dyn Duplex>, tcp: Option<TcpStream>) -> Self {
        let read = Vec::new();
        Self { stream, tcp, read }
    }

    /// Answers a handshake that has neither credentials nor a database.
    pub(super) fn greet(&mut self) {
        assert_eq!(self.request().unwrap(), ["CLIENT", "ID"]);
        self.say(b":7\r\n");
    }

    /// The words of the next request; `None` once the client has gone.
    pub(super) fn request(&mut self) -> Option<Vec<String>> {
        loop {
            let mut scanner = Scanner::new(Limits::DEFAULT);
            if let Progress::Whole(length) = scanner.scan(&self.read).unwrap() {
                let bytes: Vec<u8> = self.read.drain(..length).collect();
                let tokens = scanner.take_tokens();
                let words = crate::connection::ReplyRef::new(&bytes, &tokens);
                let word = |w: crate::connection::ReplyRef<'_>| {
                    String::from_utf8_lossy(w.text().unwrap()).into_owned()
                };
                return Some(words.elements().map(word).collect());
            }
            if !self.read_some() {
                return None;
            }
        }
    }

    /// Reads what comes next; false once the client has gone.
    fn read_some(&mut self) -> bool {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => false,
            Ok(count) => {
                self.read.extend_from_slice(&chunk[..count]);
                true
            }
            Err(e) if is_timeout(&e) => panic!("no request came"),
            Err(_) => false,
        }
    }

    /// Reads up to the client's end of the connection, whatever comes.
    pub(super) fn until_hangup(&mut self) {
        while self.read_some() {}
    }

    /// Sends bytes; a client that has gone doesn't matter.
    pub(super) fn say(&mut self, bytes: &[u8]) {
        let _ = self
            .stream
            .write_all(bytes)
            .and_then(|()| self.stream.flush());
    }

    /// Sends a byte at a time, until all are sent or the client has gone.
    pub(super) fn trickle(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes {
            self.say(&[*byte]);
            if self.listen(pause).is_err() {
                return;
            }
        }
    }

    /// Waits, unless the client has gone.
    pub(super) fn rest(&mut self, pause: Duration) {
        let _ = self.listen(pause);
    }

    /// Gives the client time to read, and keeps what it says meanwhile.
    pub(super) fn listen(&mut self, pause: Duration) -> io::Result<()> {
        let tcp = self.tcp.as_ref().unwrap().try_clone()?;
        tcp.set_read_timeout(Some(pause))?;
        let mut chunk = [0; 4096];
        let heard = match self.stream.read(&mut chunk) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                self.read.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(e) if is_timeout(&e) => Ok(()),
            Err(e) => Err(e),
        };
        tcp.set_read_timeout(Some(AMPLE))?;
        heard
    }

    /// Closes so that the client's next write fails.
    pub(super) fn reset(&mut self) {
        let tcp = self.tcp.take().unwrap();
        let socket = socket2::SockRef::from(&tcp);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        self.stream = Box::new(io::Cursor::new(Vec::new()));
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
