//! Options of a private server.

use std::fmt::Write;
use std::path::PathBuf;

use super::daemon::Recipe;
use super::{Server, ServerError};

/// When a server with an append-only file calls `fsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// Before each reply: no confirmed write is lost, not even to a power cut.
    Always,
    /// Once a second. While that sync is under way the server answers first and
    /// writes later, so a killed one may lose what it has confirmed.
    EverySecond,
}

/// The certificate files of a server that speaks TLS, all PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's certificate.
    pub cert: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
    /// The certificates that clients' certificates are checked against.
    pub ca: PathBuf,
    /// Whether a client must show a certificate.
    pub client_certificate: bool,
}

/// Options of a private server; [`start`](Self::start) ends the chain.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ServerOptions {
    pub(crate) password: Option<String>,
    pub(crate) tls: Option<TlsFiles>,
    pub(super) environment: Vec<(String, String)>,
    /// Whether it is a node of a cluster, with one more port.
    pub(super) cluster: bool,
    /// Arguments behind the configuration file.
    pub(super) arguments: Vec<String>,
    /// Commands that every life of the server begins with.
    pub(super) first_commands: Vec<Vec<String>>,
    appendonly: Option<Fsync>,
    lines: Vec<String>,
}

impl ServerOptions {
    /// Keeps the data in an append-only file, so that
    /// [`Server::restart`] finds it again. Defaults to no persistence.
    pub fn appendonly(mut self, fsync: Fsync) -> Self {
        self.appendonly = Some(fsync);
        self
    }

    /// Asks clients for a password (`requirepass`), which the URLs of the
    /// server then carry. Defaults to none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// Adds a user by its ACL rules, as in `user alice on >secret ~* +@all`
    /// without the word `user`. May be called several times.
    pub fn user(mut self, rules: &str) -> Self {
        self.lines.push(format!("user {rules}"));
        self
    }

    /// Bounds the memory for data, in bytes (`maxmemory`). Defaults to none.
    pub fn max_memory(self, bytes: u64) -> Self {
        self.config("maxmemory", &bytes.to_string())
    }

    /// Listens on a second port, with TLS. Defaults to no TLS.
    pub fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Sets any other directive of `redis.conf`; the value is quoted. May be
    /// called several times.
    pub fn config(mut self, directive: &str, value: &str) -> Self {
        self.lines.push(format!("{directive} {}", quoted(value)));
        self
    }

    /// Removes a command (`rename-command`).
    pub fn without_command(mut self, command: &str) -> Self {
        self.lines
            .push(format!("rename-command {command} {}", quoted("")));
        self
    }

    /// Appends a line to the configuration file, unchanged.
    pub(crate) fn line(mut self, line: String) -> Self {
        self.lines.push(line);
        self
    }

    /// Makes a sentinel of the server.
    pub(crate) fn sentinel(mut self) -> Self {
        self.arguments.push("--sentinel".to_owned());
        self
    }

    /// Makes a node of a cluster of the server.
    pub(crate) fn cluster(mut self) -> Self {
        self.cluster = true;
        self
    }

    /// Runs a command after every start, before the server counts as started.
    pub(crate) fn first_command(mut self, words: &[&str]) -> Self {
        let words = words.iter().map(ToString::to_string).collect();
        self.first_commands.push(words);
        self
    }

    /// Sets a variable in the environment of the server's process.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Starts the server.
    ///
    /// # Blocking
    ///
    /// Until the server answers `PING`, at most 30 s.
    ///
    /// # Errors
    ///
    /// See [`ServerError`].
    pub fn start(self) -> Result<Server, ServerError> {
        super::launch::launch(self)
    }

    /// The configuration file for this place and these ports.
    pub(super) fn config_file(
        &self,
        recipe: &Recipe,
        port: u16,
        tls_port: Option<u16>,
        bus_port: Option<u16>,
    ) -> String {
        let mut text = String::new();
        let mut set = |directive: &str, value: &str| {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{directive} {}", quoted(value));
        };
        set("bind", "127.0.0.1");
        set("port", &port.to_string());
        set("unixsocket", &recipe.socket.to_string_lossy());
        set("unixsocketperm", "700");
        set("dir", &recipe.dir.to_string_lossy());
        set("logfile", &recipe.log.to_string_lossy());
        set("daemonize", "no");
        set("save", "");
        match self.appendonly {
            None => set("appendonly", "no"),
            Some(fsync) => {
                set("appendonly", "yes");
                set(
                    "appendfsync",
                    match fsync {
                        Fsync::Always => "always",
                        Fsync::EverySecond => "everysec",
                    },
                );
            }
        }
        if let Some(password) = &self.password {
            set("requirepass", password);
        }
        if let Some(port) = bus_port {
            set("cluster-enabled", "yes");
            set("cluster-port", &port.to_string());
        }
        if let Some((files, port)) = self.tls.as_ref().zip(tls_port) {
            set("tls-port", &port.to_string());
            set("tls-cert-file", &files.cert.to_string_lossy());
            set("tls-key-file", &files.key.to_string_lossy());
            set("tls-ca-cert-file", &files.ca.to_string_lossy());
            set(
                "tls-auth-clients",
                if files.client_certificate {
                    "yes"
                } else {
                    "no"
                },
            );
        }
        for line in &self.lines {
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// A value in the quotes of `redis.conf`.
fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_the_config_file() {
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
        assert_eq!(quoted("a\nport 1"), r#""a\nport 1""#);
    }
}
