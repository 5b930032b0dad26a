//! The completed orders: the workers' files, read as they grow.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

/// All completions, and the longest time without any.
#[derive(Debug)]
pub(super) struct Done {
    tails: Vec<Tail>,
    /// By order.
    pub(super) orders: HashMap<String, Completions>,
    /// How many lines each consumer has written, by its name in Redis.
    pub(super) by_consumer: HashMap<String, u64>,
    pub(super) lines: u64,
    /// Lines that can't be read.
    pub(super) garbled: Vec<String>,
    last: Duration,
    pub(super) longest_gap: Gap,
}

/// How often one order was completed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Completions {
    pub(super) times: u32,
    /// The highest count of deliveries.
    pub(super) attempt: u32,
}

/// A time without any completion.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gap {
    pub(super) from: Duration,
    pub(super) to: Duration,
}

impl Gap {
    pub(super) fn len(self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl Done {
    /// The files may not exist yet.
    pub(super) fn of(files: Vec<PathBuf>) -> Self {
        Self {
            tails: files.into_iter().map(Tail::new).collect(),
            orders: HashMap::new(),
            by_consumer: HashMap::new(),
            lines: 0,
            garbled: Vec::new(),
            last: Duration::ZERO,
            longest_gap: Gap::default(),
        }
    }

    /// Takes in what has been written up to now.
    pub(super) fn read(&mut self, now: Duration) -> io::Result<()> {
        let before = self.lines;
        let mut text = String::new();
        for tail in &mut self.tails {
            tail.read(&mut text)?;
        }
        text.lines().for_each(|line| self.enter(line));
        if self.lines > before {
            let gap = Gap {
                from: self.last,
                to: now,
            };
            if gap.len() > self.longest_gap.len() {
                self.longest_gap = gap;
            }
            self.last = now;
        }
        Ok(())
    }

    fn enter(&mut self, line: &str) {
        self.lines += 1;
        let mut parts = line.split('\t');
        let (order, attempt, consumer) = (parts.next(), parts.next(), parts.next());
        let attempt = attempt.and_then(|attempt| attempt.parse().ok());
        let (Some(order), Some(attempt), Some(consumer)) = (order, attempt, consumer) else {
            return self.garbled.push(line.to_owned());
        };
        let completions = self.orders.entry(order.to_owned()).or_default();
        completions.times += 1;
        completions.attempt = completions.attempt.max(attempt);
        *self.by_consumer.entry(consumer.to_owned()).or_default() += 1;
    }

    /// Completions beyond the first of each order.
    pub(super) fn duplicates(&self) -> u64 {
        self.lines.saturating_sub(self.orders.len() as u64)
    }

    /// How often orders were delivered, by the counts that Redis kept: what was
    /// given back without having run is left out.
    pub(super) fn deliveries(&self) -> u64 {
        self.orders.values().map(|c| u64::from(c.attempt)).sum()
    }

    /// The most deliveries of one order.
    pub(super) fn most_deliveries(&self) -> u32 {
        self.orders.values().map(|c| c.attempt).max().unwrap_or(0)
    }
}

/// A file that grows.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: Option<File>,
    /// The beginning of a line.
    rest: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            rest: Vec::new(),
        }
    }

    /// Appends the whole lines that are new.
    fn read(&mut self, text: &mut String) -> io::Result<()> {
        if self.file.is_none() {
            self.file = match File::open(&self.path) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                file => Some(file?),
            };
        }
        if let Some(file) = &mut self.file {
            file.read_to_end(&mut self.rest)?;
        }
        if let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') {
            let rest = self.rest.split_off(end + 1);
            text.push_str(&String::from_utf8_lossy(&self.rest));
            self.rest = rest;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::*;

    #[test]
    fn half_a_line_waits_for_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("done");
        let mut done = Done::of(vec![path.clone()]);
        done.read(Duration::from_secs(1)).unwrap();
        let mut file = OpenOptions::new();
        let mut file = file.create(true).append(true).open(path).unwrap();
        file.write_all(b"A-1\t1\tw\nA-2\t2").unwrap();
        done.read(Duration::from_secs(2)).unwrap();
        assert_eq!((done.lines, done.deliveries()), (1, 1));
        file.write_all(b"\tw\nA-2\t3\tv\n").unwrap();
        done.read(Duration::from_secs(9)).unwrap();
        assert_eq!(
            (done.lines, done.duplicates(), done.deliveries()),
            (3, 1, 4)
        );
        assert_eq!(done.longest_gap.len(), Duration::from_secs(7));
        assert_eq!(done.by_consumer["w"], 2);
    }
}
