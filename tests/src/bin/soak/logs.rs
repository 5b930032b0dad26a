//! The log lines of the workers.

use std::collections::BTreeMap;

/// The log lines of workers, summed up.
#[derive(Debug, Default)]
pub(super) struct Logs {
    /// Entries taken over from consumers that let their lease lapse.
    pub(super) taken_over: u64,
    /// Entries fetched whose delivery got lost.
    pub(super) fetched: u64,
    /// Handlers that ran on after their lease was lost.
    pub(super) leases_lost: u64,
    pub(super) panics: u64,
    /// Deliveries that failed, as they are told to, those included that one line
    /// counts.
    pub(super) failed: u64,
    /// Lines of the level error, which nothing here justifies, and lines that
    /// say that something vanished.
    pub(super) alarming: Vec<String>,
    /// Warnings and information, without what varies, and how often each came.
    pub(super) kinds: BTreeMap<String, u64>,
}

impl Logs {
    /// Takes in the standard error of one worker. Returns how many lines the
    /// library logged, without those about deliveries: handlers fail here all the
    /// time, and the library writes only some of these lines a second.
    pub(super) fn enter(&mut self, worker: &str, stderr: &str) -> u64 {
        let mut lines = 0;
        for line in stderr.lines() {
            let Some((level, text)) = logged(line) else {
                if let Some(error) = line.strip_prefix("orders: ") {
                    *self.kinds.entry(kind("ended by", error)).or_default() += 1;
                }
                self.panics += u64::from(line.contains(" panicked: told to panic"));
                if line.contains("panicked") && !line.contains("told to panic") {
                    self.alarming.push(format!("{worker}: {line}"));
                }
                continue;
            };
            let failed = failed_deliveries(text);
            self.failed += failed;
            lines += u64::from(failed == 0);
            self.taken_over += number_behind(text, "took over ");
            self.fetched += number_behind(text, "fetched ");
            self.leases_lost += u64::from(text.starts_with("the lease of entry "));
            if level == "ERROR" || text.contains("vanished") || text.contains("dead letters") {
                self.alarming.push(format!("{worker}: {line}"));
            }
            *self.kinds.entry(kind(level, text)).or_default() += 1;
        }
        lines
    }
}

/// Level and text of a log line: `[2026-01-31T12:00:00Z WARN  stream_lib] text`.
fn logged(line: &str) -> Option<(&str, &str)> {
    let (head, text) = line.strip_prefix('[')?.split_once("] ")?;
    Some((head.split_ascii_whitespace().nth(1)?, text))
}

/// The deliveries that a line tells of.
fn failed_deliveries(text: &str) -> u64 {
    if text.starts_with("delivery ") && text.contains(" failed, ") {
        return 1;
    }
    match text.split_once(" more deliveries of ") {
        Some((count, _)) => count.parse().unwrap_or(0),
        None => 0,
    }
}

fn number_behind(text: &str, word: &str) -> u64 {
    let rest = text.strip_prefix(word).unwrap_or_default();
    let number = rest.split(' ').next().unwrap_or_default();
    number.parse().unwrap_or(0)
}

/// The line with names, numbers and causes left out.
fn kind(level: &str, text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let varies = word.contains(|c: char| c.is_ascii_digit()) || word.starts_with('`');
        if varies { "…" } else { word }
    });
    let mut kind = format!("{level} ");
    for word in words.take(16) {
        kind.push_str(word);
        kind.push(' ');
    }
    kind.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_library_are_told_from_others() {
        let mut logs = Logs::default();
        let lines = logs.enter(
            "w",
            "[2026-01-31T12:00:00Z INFO  stream_lib::consumer::keeper] took over 12 entries of `o` x\n\
             orders worker 1 panicked: told to panic at p-0, attempt 1\n\
             [2026-01-31T12:00:00Z WARN  stream_lib::consumer] delivery 1 of 5-0 of `o` in the group \
             `g` failed, the next comes in 1.0s: no\n\
             [2026-01-31T12:00:00Z WARN  stream_lib::consumer] 7 more deliveries of `o` in the group \
             `g` failed within a second\n\
             [2026-01-31T12:00:00Z ERROR stream_lib::consumer] the consumer `w-1` stops: no\n",
        );
        assert_eq!((lines, logs.taken_over, logs.panics), (2, 12, 1));
        assert_eq!(logs.failed, 8);
        assert_eq!(logs.alarming.len(), 1);
        assert!(logs.kinds.contains_key("INFO took over … entries of … x"));
    }
}
