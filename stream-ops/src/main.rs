//! `streamctl`: Redis Streams seen from outside.

use std::process::ExitCode;

fn main() -> ExitCode {
    stream_ops::cli::main()
}
