//! Runs a private server until its standard input ends, for trials by hand:
//! `cargo run -p stream-tests --bin private-server`. It ends with this process, however
//! the process ends.

use std::io;
use std::process::ExitCode;

use stream_tests::Server;

fn main() -> ExitCode {
    let server = match Server::start() {
        Ok(server) => server,
        Err(e) => {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    };
    println!("url {}", server.url());
    println!("unix {}", server.unix_url());
    println!("pid {}", server.pid().unwrap_or_default());
    println!("dir {}", server.dir().display());
    println!("ready; ends with the end of standard input");
    // A terminal that is gone is an end too.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    ExitCode::SUCCESS
}
