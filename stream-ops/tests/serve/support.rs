//! A dashboard on a private server, and HTTP by hand.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stream_lib::ConnectionConfig;
use stream_ops::serve::{Dashboard, Role, Settings, Token};
use stream_ops::server::Redis;
use stream_tests::{Server, wait_until};

pub(crate) const TOKEN: &str = "a token that nobody guesses";

/// Longer than any answer takes on a busy machine: no answer by then means a hang.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A dashboard on a server of its own.
pub(crate) struct Fixture {
    pub(crate) dashboard: Dashboard,
    pub(crate) server: Server,
}

impl Fixture {
    pub(crate) fn start(allow: Option<Role>) -> Self {
        Self::with(allow, |_| {})
    }

    pub(crate) fn with(allow: Option<Role>, set: impl FnOnce(&mut Settings)) -> Self {
        let server = Server::start().unwrap();
        Self::on(server, allow, set)
    }

    /// A dashboard on a given server.
    pub(crate) fn on(server: Server, allow: Option<Role>, set: impl FnOnce(&mut Settings)) -> Self {
        let config = ConnectionConfig::new(server.url()).unwrap();
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            token: allow.map(|_| Token::new(TOKEN).unwrap()),
            allow: allow.unwrap_or_default(),
            every: Duration::from_millis(200),
            ..Settings::default()
        };
        set(&mut settings);
        let redis = Redis::connect(config).unwrap();
        let dashboard = Dashboard::start(redis, settings).unwrap();
        let fixture = Self { dashboard, server };
        wait_until(LONG, "the first look", || {
            fixture.get("/readyz").status == 200
        });
        fixture
    }

    /// A stream `s` with a group `g`.
    pub(crate) fn with_group(&self) {
        self.server
            .command::<String>(&["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]);
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.dashboard.address()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// A form, from a page of the dashboard, with the token.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        let origin = format!("Origin: http://{}", self.address());
        self.ask("POST", path, &[&authorization(), &origin], form)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let host = format!("Host: {}", self.address());
        let mut lines = vec![host.as_str()];
        lines.extend(headers);
        self.ask_bare(method, path, &lines, body)
    }

    /// Sends these headers only.
    pub(crate) fn ask_bare(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: &str,
    ) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        if !body.is_empty() {
            let length = body.len();
            let kind = "Content-Type: application/x-www-form-urlencoded";
            request = format!("{request}{kind}\r\nContent-Length: {length}\r\n");
        }
        request.push_str("\r\n");
        request.push_str(body);
        let mut stream = self.connect();
        // A server may refuse before it has read to the end.
        let _ = stream.write_all(request.as_bytes());
        Answer::read(&mut stream)
    }
}

/// Waits until the schema of a stream is stored, which happens after its producer was
/// made.
pub(crate) fn with_schema(server: &Server, stream: &str) {
    let key = format!("{{{stream}}}:schema");
    wait_until(LONG, "the schema", || {
        server.command::<u64>(&["HLEN", &key]) > 0
    });
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.set_write_timeout(Some(LONG)).unwrap();
    stream
}

/// `Basic` with the name Ada.
pub(crate) fn authorization() -> String {
    basic("ada", TOKEN)
}

pub(crate) fn basic(name: &str, token: &str) -> String {
    format!(
        "Authorization: Basic {}",
        base64(format!("{name}:{token}").as_bytes())
    )
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads to the end of the connection. The status is 0 if it ends before an answer.
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut bytes = Vec::new();
        if let Err(e) = stream.read_to_end(&mut bytes) {
            let is_cut = matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
            assert!(is_cut, "no answer: {e}");
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The value of the first input of this name.
    pub(crate) fn input(&self, name: &str) -> Option<&str> {
        let at = self.body.find(&format!("name=\"{name}\" value=\""))?;
        let rest = self.body.get(at..)?.split_once("value=\"")?.1;
        rest.split('"').next()
    }
}
