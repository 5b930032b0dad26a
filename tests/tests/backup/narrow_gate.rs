//! A proxy that refuses large requests with an error, as managed servers do.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Passes requests on to a server, but for those above a size. Its threads end with
/// their connections.
pub(crate) struct NarrowGate {
    pub(crate) port: u16,
    refused: Arc<AtomicU64>,
}

impl NarrowGate {
    pub(crate) fn before(server: SocketAddr, most: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let refused = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&refused);
        start(move || {
            for client in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                start(move || pass(&client, server, most, &counted));
            }
        });
        Self { port, refused }
    }

    /// How many requests it has refused.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }
}

fn start<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) {
    let thread = thread::Builder::new().name("narrow-gate".to_owned());
    thread.spawn(body).unwrap();
}

/// One request after the other: no client here has several under way.
fn pass(
    client: &TcpStream,
    server: SocketAddr,
    most: usize,
    refused: &AtomicU64,
) -> io::Result<()> {
    let upstream = TcpStream::connect(server)?;
    let mut replies = upstream.try_clone()?;
    let mut back = client.try_clone()?;
    start(move || io::copy(&mut replies, &mut back));
    let mut requests = BufReader::new(client);
    loop {
        let request = next_request(&mut requests)?;
        if request.len() > most {
            refused.fetch_add(1, Ordering::SeqCst);
            (&mut &*client).write_all(b"-ERR max request size exceeded\r\n")?;
        } else {
            (&upstream).write_all(&request)?;
        }
    }
}

fn next_request(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let words = number_behind(b'*', from, &mut request)?;
    for _ in 0..words {
        let length = number_behind(b'$', from, &mut request)?;
        from.take(length + 2).read_to_end(&mut request)?;
    }
    Ok(request)
}

fn number_behind(sign: u8, from: &mut impl BufRead, request: &mut Vec<u8>) -> io::Result<u64> {
    let start = request.len();
    from.read_until(b'\n', request)?;
    let line = request.get(start..).unwrap_or_default();
    let line = std::str::from_utf8(line).ok();
    let number = line.and_then(|line| line.strip_prefix(char::from(sign))?.trim().parse().ok());
    number.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
