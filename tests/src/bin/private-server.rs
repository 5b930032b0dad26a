//! Runs a private server until its standard input ends, for trying things by
//! hand: `cargo run -p stream-tests --bin private-server`. It is gone with this
//! process, however that ends.

use std::io;

use stream_tests::Server;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::start()?;
    println!("url {}", server.url());
    println!("unix {}", server.unix_url());
    println!("pid {}", server.pid().unwrap_or_default());
    println!("dir {}", server.dir().display());
    println!("ready; ends with the end of standard input");
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
