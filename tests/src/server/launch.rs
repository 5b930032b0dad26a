//! The first start of a server: program, directory, free ports.

use std::env;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use tempfile::TempDir;

use super::daemon::Recipe;
use super::port::Port;
use super::{Server, ServerError, ServerOptions, binary};

/// How often a start is tried with other ports after another program took one.
const PORT_TRIES: usize = 20;

/// The longest path that fits the address of a unix socket everywhere.
const LONGEST_SOCKET_PATH: usize = 100;

pub(super) fn launch(options: ServerOptions) -> Result<Server, ServerError> {
    let dir = directory()?;
    let mut recipe = Recipe::new(binary::find()?, dir.path());
    recipe.environment.clone_from(&options.environment);
    recipe.arguments.clone_from(&options.arguments);
    let mut tries = 0;
    loop {
        tries += 1;
        let port = reserve()?;
        let tls_port = options.tls.as_ref().map(|_| reserve()).transpose()?;
        let bus_port = options.cluster.then(reserve).transpose()?;
        let config = options.config_file(
            &recipe,
            port.number(),
            tls_port.as_ref().map(Port::number),
            bus_port.as_ref().map(Port::number),
        );
        fs::write(&recipe.config, config)
            .map_err(|e| ServerError::system("writing the configuration of a private server", e))?;
        match recipe.start() {
            Ok(daemon) => {
                let server = Server {
                    daemon: Mutex::new(Some(daemon)),
                    recipe,
                    port,
                    tls_port,
                    bus_port,
                    password: options.password,
                    first_commands: options.first_commands,
                    frozen: AtomicBool::new(false),
                    _dir: dir,
                };
                server.begin_life();
                return Ok(server);
            }
            Err(e) if e.says_port_is_taken() && tries < PORT_TRIES => {}
            Err(e) => return Err(e),
        }
    }
}

fn reserve() -> Result<Port, ServerError> {
    Port::reserve().ok_or_else(|| {
        let none = io::ErrorKind::AddrInUse.into();
        ServerError::system("finding a free port for a private server", none)
    })
}

/// A temporary directory whose path is short enough for a socket.
fn directory() -> Result<TempDir, ServerError> {
    let dir = directory_in(&env::temp_dir())?;
    if dir.path().join("redis.sock").as_os_str().len() <= LONGEST_SOCKET_PATH {
        return Ok(dir);
    }
    directory_in(Path::new("/tmp"))
}

fn directory_in(parent: &Path) -> Result<TempDir, ServerError> {
    tempfile::Builder::new()
        .prefix("stream-server-")
        .tempdir_in(parent)
        .map_err(|e| {
            let doing = format!("making a directory in {}", parent.display());
            ServerError::system(doing, e)
        })
}
