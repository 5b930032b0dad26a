//! Redis, as far as the protocol needs it, in a file: entries, and with them the mark of
//! each spool.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::fail::faults::step;
use super::super::frame::Record;
use super::super::{Sequence, Spool, SpoolId};

#[derive(Debug, Clone)]
pub(super) struct Redis {
    file: PathBuf,
}

impl Redis {
    pub(super) fn in_file(path: &Path) -> Self {
        Self {
            file: path.to_owned(),
        }
    }

    /// The request of a producer before its first send.
    pub(super) fn meet(&self, spool: &Spool) {
        let mark = self.marks().remove(spool.id().as_str());
        assert!(!spool.meet(&mark.unwrap_or_default()).unwrap());
    }

    fn marks(&self) -> BTreeMap<String, String> {
        let mut marks = BTreeMap::new();
        for line in self.lines() {
            let mut words = line.split(' ').map(str::to_owned);
            marks.insert(words.next().unwrap(), words.next().unwrap());
        }
        marks
    }

    /// The script: adds messages above the mark, in one step.
    pub(super) fn add(&self, messages: &[(SpoolId, Sequence, &str)]) {
        let mut marks = self.marks();
        let mut taken = String::new();
        for (spool, sequence, text) in messages {
            let sequence = sequence.to_string();
            let mark = marks.entry(spool.as_str().to_owned()).or_default();
            if *mark < sequence {
                taken += &[spool.as_str(), &sequence, text].join(" ");
                taken += "\n";
                *mark = sequence;
            }
        }
        append(&self.file, &taken);
    }

    /// All added messages, in order.
    pub(super) fn entries(&self) -> Vec<String> {
        let text = |line: String| line.rsplit_once(' ').unwrap().1.to_owned();
        self.lines().into_iter().map(text).collect()
    }

    /// Sends the oldest messages, and loses the answer.
    pub(super) fn send(&self, records: &[Record]) {
        let messages: Vec<_> = records
            .iter()
            .map(|r| {
                let text = std::str::from_utf8(&r.message).unwrap();
                (r.spool, r.sequence, text)
            })
            .collect();
        self.add(&messages);
    }

    /// Sends all messages of the spool, `most` at a time.
    pub(super) fn replay(&self, spool: &Spool, most: usize) {
        loop {
            let records = spool.peek_oldest(most, u64::MAX).unwrap();
            let Some(last) = records.last() else { return };
            step();
            self.send(&records);
            step();
            let removed = spool.remove_up_to(last.sequence).unwrap();
            assert_eq!(removed, records.len() as u64);
        }
    }

    fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Appends in one write.
pub(super) fn append(file: &Path, text: &str) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(file)
        .unwrap();
    file.write_all(text.as_bytes()).unwrap();
}
