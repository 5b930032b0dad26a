//! Publication of snapshots to the crate `metrics`.
//!
//! Names are those of OpenTelemetry's messaging conventions if there is one, else they
//! begin with `stream_`. Labels are the stream, the group, and the outcome or kind: never
//! an id, a payload or the name of a consumer, whose number is unbounded. Only the
//! difference to the last snapshot is published, so that several managers of a process
//! add up.

use std::collections::BTreeMap;
use std::mem;

use ::metrics::{Label, counter, gauge, histogram};

use super::histogram::Histogram;
use super::sizes::BatchSizes;
use super::snapshot::{ConsumerMetrics, Metrics, ProducerMetrics};

const SENT: &str = "messaging_client_sent_messages_total";
const CONSUMED: &str = "messaging_client_consumed_messages_total";
const OPERATION: &str = "messaging_client_operation_duration_seconds";
const PROCESS: &str = "messaging_process_duration_seconds";

/// The last published figures of producers and consumers.
#[derive(Debug, Default)]
pub(crate) struct Published {
    producers: BTreeMap<(Option<String>, String), ProducerMetrics>,
    consumers: BTreeMap<String, ConsumerMetrics>,
}

impl Published {
    /// Publishes the differences of a snapshot to the last one.
    pub(crate) fn publish(&mut self, now: Metrics) {
        let mut last = mem::take(&mut self.producers);
        for producer in now.producers {
            let key = (producer.name.clone(), producer.stream.clone());
            let before = last.remove(&key).unwrap_or_default();
            publish_producer(&before, &producer);
            self.producers.insert(key, producer);
        }
        // Producers and consumers that are gone hold nothing any more.
        for gone in last.into_values() {
            let labels = vec![label("stream", &gone.stream)];
            hold("stream_waiting", &labels, gone.waiting, 0);
            hold("stream_spool_messages", &labels, gone.in_spool, 0);
        }
        let mut last = mem::take(&mut self.consumers);
        for consumer in now.consumers {
            let before = last.remove(&consumer.name).unwrap_or_default();
            publish_consumer(&before, &consumer);
            self.consumers.insert(consumer.name.clone(), consumer);
        }
        for gone in last.into_values() {
            let idle = ConsumerMetrics::default();
            publish_in_hand(&gone, &idle, &labels_of(&gone));
        }
    }
}

fn publish_producer(before: &ProducerMetrics, now: &ProducerMetrics) {
    let labels = vec![label("stream", &now.stream)];
    let in_stream =
        |metrics: &ProducerMetrics| metrics.added.saturating_sub(metrics.added_to_backup);
    for (outcome, before, now) in [
        ("stream", in_stream(before), in_stream(now)),
        ("backup", before.added_to_backup, now.added_to_backup),
        ("spool", before.spooled, now.spooled),
        ("duplicate", before.duplicates, now.duplicates),
        ("scheduled", before.scheduled, now.scheduled),
        ("failed", before.failed_in_all(), now.failed_in_all()),
    ] {
        count(SENT, &with(&labels, "outcome", outcome), before, now);
    }
    for (kind, failed) in &now.failed {
        let earlier = before.failed.iter().find(|(known, _)| known == kind);
        let earlier = earlier.map_or(0, |(_, count)| *count);
        let labels = with(&labels, "kind", &format!("{kind:?}"));
        count("stream_send_failures_total", &labels, earlier, *failed);
    }
    count("stream_moved_total", &labels, before.moved, now.moved);
    hold("stream_waiting", &labels, before.waiting, now.waiting);
    hold(
        "stream_spool_messages",
        &labels,
        before.in_spool,
        now.in_spool,
    );
    observe(OPERATION, &labels, &before.add_duration, &now.add_duration);
    observe_sizes(
        "stream_batch_messages",
        &labels,
        &before.batch_sizes,
        &now.batch_sizes,
    );
}

fn publish_consumer(before: &ConsumerMetrics, now: &ConsumerMetrics) {
    let labels = labels_of(now);
    for (name, before, now) in [
        (CONSUMED, before.delivered, now.delivered),
        ("stream_completed_total", before.completed, now.completed),
        ("stream_skipped_total", before.skipped, now.skipped),
        ("stream_failed_total", before.failed, now.failed),
        ("stream_panicked_total", before.panicked, now.panicked),
        ("stream_retried_total", before.retried, now.retried),
        ("stream_given_back_total", before.given_back, now.given_back),
        ("stream_taken_over_total", before.taken_over, now.taken_over),
        ("stream_lease_lost_total", before.lease_lost, now.lease_lost),
        ("stream_deleted_total", before.deleted, now.deleted),
    ] {
        count(name, &labels, before, now);
    }
    for (reason, dead) in &now.dead {
        let earlier = before.dead.iter().find(|(known, _)| known == reason);
        let earlier = earlier.map_or(0, |(_, count)| *count);
        let labels = with(&labels, "kind", reason.as_str());
        count("stream_dead_total", &labels, earlier, *dead);
    }
    publish_in_hand(before, now, &labels);
    observe(
        PROCESS,
        &labels,
        &before.handler_duration,
        &now.handler_duration,
    );
    observe(
        "stream_message_age_seconds",
        &labels,
        &before.message_age,
        &now.message_age,
    );
}

fn publish_in_hand(before: &ConsumerMetrics, now: &ConsumerMetrics, labels: &[Label]) {
    for (name, before, now) in [
        ("stream_running", before.running, now.running),
        ("stream_buffered", before.buffered, now.buffered),
        ("stream_settling", before.settling, now.settling),
    ] {
        hold(name, labels, before as u64, now as u64);
    }
}

fn labels_of(consumer: &ConsumerMetrics) -> Vec<Label> {
    vec![
        label("stream", &consumer.stream),
        label("group", &consumer.group),
    ]
}

fn label(name: &'static str, value: &str) -> Label {
    Label::new(name, value.to_owned())
}

fn with(labels: &[Label], name: &'static str, value: &str) -> Vec<Label> {
    let mut labels = labels.to_vec();
    labels.push(label(name, value));
    labels
}

/// A count that has decreased belongs to a new one of the same name, and counts from
/// zero.
fn count(name: &'static str, labels: &[Label], before: u64, now: u64) {
    let more = now.checked_sub(before).unwrap_or(now);
    if more > 0 {
        counter!(name, labels.to_vec()).increment(more);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an error of one in 2^52 changes nothing"
)]
fn hold(name: &'static str, labels: &[Label], before: u64, now: u64) {
    if now >= before {
        gauge!(name, labels.to_vec()).increment((now - before) as f64);
    } else {
        gauge!(name, labels.to_vec()).decrement((before - now) as f64);
    }
}

fn observe(name: &'static str, labels: &[Label], before: &Histogram, now: &Histogram) {
    for (time, times) in now.since(before) {
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        histogram!(name, labels.to_vec()).record_many(time, times);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an error of one in 2^52 changes nothing"
)]
fn observe_sizes(name: &'static str, labels: &[Label], before: &BatchSizes, now: &BatchSizes) {
    for (size, times) in now.since(before) {
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        histogram!(name, labels.to_vec()).record_many(size as f64, times);
    }
}

#[cfg(test)]
mod tests;
