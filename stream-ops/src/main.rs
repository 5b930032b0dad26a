//! The program `streamctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    stream_ops::cli::main()
}
