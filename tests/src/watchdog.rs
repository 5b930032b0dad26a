//! Ends a process when its owner ends, for whatever reason.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for a line on its standard input. The end of input without a line
/// means that the owner died, by SIGKILL or `exit` too: the kernel has closed
/// the other end of the pipe.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
if read -r word && [ "$word" = stand-down ]; then exit 0; fi
kill -KILL "$1" 2>/dev/null
[ -z "$2" ] || rm -rf -- "$2"
"#;

/// A small shell that kills one process, and removes one directory, when the
/// process that made it ends without having told it to stand down.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches over `pid` and the directory it works in.
    pub(crate) fn over(pid: u32, dir: Option<&Path>) -> io::Result<Self> {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog", &pid.to_string()])
            .arg(dir.map_or(OsStr::new(""), Path::as_os_str))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A Ctrl-C for the owner is not for the watchdog.
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }

    /// Ends the watch: the process is known to be dead, or dying.
    pub(crate) fn stand_down(mut self) {
        if let Some(mut stdin) = self.shell.stdin.take() {
            // Fails only where the shell is gone, which is the aim.
            let _ = stdin.write_all(b"stand-down\n");
        }
        let _ = self.shell.wait();
    }
}
