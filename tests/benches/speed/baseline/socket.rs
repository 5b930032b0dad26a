//! A plain socket that counts lines: the least that a client can do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Result;
use crate::rig::Rig;

/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Entries that one write of [`fill`] carries.
const CHUNK: usize = 1_000;

/// A connection that knows of the protocol only that it has lines.
#[derive(Debug)]
pub(super) struct Lines {
    socket: TcpStream,
    read: Vec<u8>,
    used: usize,
}

impl Lines {
    pub(super) fn connect(rig: &Rig) -> Result<Self> {
        let socket = TcpStream::connect(rig.server().address())?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            read: vec![0; 256 << 10],
            used: 0,
        })
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(bytes)?)
    }

    /// Receives what is exactly so many lines long.
    #[allow(clippy::naive_bytecount, reason = "not worth a dependency")]
    pub(super) fn receive(&mut self, lines: usize) -> Result<&[u8]> {
        let mut seen = 0;
        self.used = 0;
        loop {
            let room = self.read.get_mut(self.used..).unwrap_or_default();
            let count = self.socket.read(room)?;
            if count == 0 {
                return Err("the server has closed the connection".into());
            }
            let new = room.get(..count).unwrap_or_default();
            seen += new.iter().filter(|byte| **byte == b'\n').count();
            self.used += count;
            if seen >= lines {
                break;
            }
            if self.used == self.read.len() {
                self.read.resize(self.used * 2, 0);
            }
        }
        let reply = self.read.get(..self.used).unwrap_or_default();
        if seen > lines || reply.first() == Some(&b'-') {
            let text = String::from_utf8_lossy(reply.get(..200).unwrap_or(reply));
            return Err(format!("not the reply of {lines} lines: {text}").into());
        }
        Ok(reply)
    }
}

/// Appends a command.
pub(super) fn pack<W: AsRef<[u8]>>(out: &mut Vec<u8>, words: &[W]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Adds the same entry many times, as fast as the server can, to what is read
/// later.
pub(crate) fn fill(rig: &Rig, stream: &str, words: &[String], entries: usize) -> Result<()> {
    let add: Vec<_> = ["XADD", stream, "*"]
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    let mut chunk = Vec::new();
    for _ in 0..CHUNK {
        pack(&mut chunk, &add);
    }
    let mut lines = Lines::connect(rig)?;
    for _ in 0..entries.div_ceil(CHUNK) {
        lines.send(&chunk)?;
        // A length and an id for each.
        lines.receive(2 * CHUNK)?;
    }
    Ok(())
}
