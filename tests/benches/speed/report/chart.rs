//! The chart: messages per second, of this library and of its baselines.

use std::fmt::Write;
use std::fs;
use std::thread;

const GROUPS: &[(&str, &[(&str, &str)])] = &[
    (
        "Consuming: typed, acknowledged",
        &[
            ("stream-lib, 2 workers", "consume_per_s"),
            (
                "redis-benchmark, reads alone",
                "redis_benchmark_xreadgroup_per_s",
            ),
            ("plain socket, bare loop", "minimal_consume_per_s"),
            ("redis crate, batches of 200", "bare_consume_per_s"),
            (
                "sea-streamer, batches of 100",
                "sea_streamer_consume_100_per_s",
            ),
            ("sea-streamer, as it comes", "sea_streamer_consume_per_s"),
        ],
    ),
    (
        "Adding many: one thread, ids returned",
        &[
            ("stream-lib, add_all", "add_all_per_s"),
            ("stream-lib, send with receipts", "send_per_s"),
            ("stream-lib, backup producer", "routed_batch_per_s"),
            ("redis-benchmark -P 64 -c 8", "redis_benchmark_xadd_per_s"),
            ("sea-streamer, one field", "sea_streamer_send_per_s"),
        ],
    ),
    (
        "Adding one at a time: 64 threads",
        &[
            ("stream-lib", "add_64_threads_per_s"),
            ("stream-lib, backup producer", "routed_64_threads_per_s"),
            ("redis crate, r2d2 pool of 64", "pool_add_64_threads_per_s"),
        ],
    ),
    (
        "Adding one at a time: one thread",
        &[
            ("stream-lib", "add_1_thread_per_s"),
            ("redis crate", "bare_add_1_thread_per_s"),
        ],
    ),
];

const WIDTH: f64 = 820.0;
const BARS_FROM: f64 = 250.0;
const BARS_TO: f64 = 730.0;
const BAR: f64 = 16.0;
const STEP: f64 = 22.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}\
.title{font-size:16px;font-weight:600}.group{font-weight:600}.note{font-size:11px;fill:#6e7781}\
.ours{fill:#b7410e}.other{fill:#afb8c1}";

pub(super) fn render(commit: &str, server: &str, rates: &[(&'static str, [f64; 3])]) -> String {
    let rate = |name: &str| {
        let (_, [_, median, _]) = rates.iter().find(|(key, _)| *key == name)?;
        Some(*median)
    };
    let most = GROUPS
        .iter()
        .flat_map(|(_, bars)| *bars)
        .filter_map(|(_, key)| rate(key))
        .fold(1.0, f64::max);
    let mut body = String::new();
    let mut y = 34.0;
    for (title, bars) in GROUPS {
        y += STEP + 8.0;
        // Writing to a string can't fail.
        let _ = writeln!(body, r#"<text class="group" x="16" y="{y}">{title}</text>"#);
        for (label, key) in *bars {
            let Some(rate) = rate(key) else {
                continue;
            };
            y += STEP;
            let width = (BARS_TO - BARS_FROM) * rate / most;
            let class = if label.starts_with("stream-lib") {
                "ours"
            } else {
                "other"
            };
            let _ = writeln!(
                body,
                r#"<text x="28" y="{y}">{label}</text><rect class="{class}" x="{BARS_FROM}" y="{:.0}" width="{width:.1}" height="{BAR}"/><text x="{:.1}" y="{y}">{}</text>"#,
                y - 13.0,
                BARS_FROM + width + 6.0,
                thousands(rate)
            );
        }
    }
    y += STEP + 12.0;
    let note = format!("{}; {server}; commit {commit}", machine());
    let _ = writeln!(body, r#"<text class="note" x="16" y="{y}">{note}</text>"#);
    let height = y + 14.0;
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">
<style>{STYLE}</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text class="title" x="16" y="28">Messages per second, entries of four fields and 75 bytes</text>
{body}</svg>
"##
    )
}

fn thousands(rate: f64) -> String {
    let digits = format!("{rate:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Processor and cores of this machine.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let about = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(": ")?.1.trim()))
        .unwrap_or("processor unknown");
    let model = model.replace('&', "&amp;").replace('<', "&lt;");
    format!("{cores} cores, {model}")
}
