//! The server's clock, as far as the server can see.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::Outcome;

/// Sets the clock of a server that was started in its environment.
#[derive(Debug)]
pub(super) struct Clock {
    file: File,
    dir: TempDir,
}

impl Clock {
    /// Builds a library that stands in front of the server's own; `None` where
    /// there is no C compiler, or no Linux.
    pub(super) fn new() -> Outcome<Option<Self>> {
        let dir = TempDir::new()?;
        let source = dir.path().join("clock.c");
        fs::write(&source, include_str!("../../../tests/behaviour/clock.c"))?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&dir.path().join("clock.so"), &source])
            .arg("-ldl")
            .status();
        if !cfg!(target_os = "linux") || !compiled.is_ok_and(|status| status.success()) {
            eprintln!("soak: the server's clock can't be set here");
            return Ok(None);
        }
        let mut file = File::create(dir.path().join("shift"))?;
        file.write_all(&[0; 8])?;
        Ok(Some(Self { file, dir }))
    }

    /// The variables by which a server finds it.
    pub(super) fn environment(&self) -> [(&'static str, String); 2] {
        let path = |name| self.dir.path().join(name).display().to_string();
        [
            ("STREAM_CLOCK", path("shift")),
            ("LD_PRELOAD", path("clock.so")),
        ]
    }

    /// Sets the clock to so much after what it would be.
    pub(super) fn set(&self, ahead: Duration) -> Outcome<()> {
        let millis = u64::try_from(ahead.as_millis())?;
        self.file.write_all_at(&millis.to_le_bytes(), 0)?;
        Ok(())
    }
}
