//! The files for Prometheus and Grafana name existing metrics only.

use std::collections::BTreeSet;
use std::path::Path;

use stream_ops::prometheus::names;

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../monitoring")
        .join(file);
    std::fs::read_to_string(path).unwrap()
}

/// Words that look like metrics of ours.
fn named(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("stream_"))
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_are_exposed() {
    let known: BTreeSet<_> = names().into_iter().collect();
    for file in ["alerts.yml", "grafana-dashboard.json"] {
        let text = read(file);
        let used = named(&text);
        assert!(used.len() >= 5, "{file}");
        let unknown: Vec<_> = used.difference(&known).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

#[test]
fn the_dashboard_is_json_and_each_alert_says_what_to_do() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("grafana-dashboard.json")).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() >= 6);
    let alerts = read("alerts.yml");
    let rules = alerts.matches("- alert:").count();
    assert!(rules >= 8);
    assert_eq!(alerts.matches("summary:").count(), rules);
    assert_eq!(alerts.matches("description:").count(), rules);
    assert_eq!(alerts.matches("severity:").count(), rules);
}
