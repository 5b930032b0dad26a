//! The driver of the browser, as a process.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The path of chromedriver. Without one, prints that the test is skipped.
///
/// # Panics
///
/// If there is none, and `STREAM_TEST_BROWSER` is `required`.
pub(crate) fn find() -> Option<PathBuf> {
    let named = env::var_os("CHROMEDRIVER").map(PathBuf::from);
    let found = named.or_else(|| {
        let path = env::var_os("PATH")?;
        let mut files = env::split_paths(&path).map(|dir| dir.join("chromedriver"));
        files.find(|file| file.is_file())
    });
    if found.is_none() {
        let why = "SKIPPED: no chromedriver is here (Debian: apt-get install chromium-driver); \
                   CHROMEDRIVER may name one";
        assert!(
            env::var("STREAM_TEST_BROWSER").as_deref() != Ok("required"),
            "{why}"
        );
        eprintln!("{why}");
    }
    found
}

/// A running driver. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    pub(crate) fn start(path: PathBuf) -> Self {
        let mut child = Command::new(path)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // `ChromeDriver was started successfully on port 43217.`
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            rest.trim_end_matches('.').parse().ok()
        });
        // Further output must not fill the pipe.
        std::thread::Builder::new()
            .name("chromedriver".to_owned())
            .spawn(move || lines.for_each(drop))
            .unwrap();
        Self {
            child,
            port: port.expect("chromedriver says its port"),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
