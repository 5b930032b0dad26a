//! sea-streamer with the same work as the library, for `make bench`.
//!
//! `consume URL STREAM GROUP COUNT BATCH` reads COUNT entries in load-balanced mode and
//! acknowledges each; BATCH 0 leaves the default. `send URL STREAM COUNT BYTES` sends
//! COUNT payloads and waits for every receipt. Both print the seconds that this took.

use std::env;
use std::error::Error;
use std::time::Instant;

use sea_streamer_redis::{
    AutoCommit, AutoStreamReset, RedisConsumerOptions, RedisProducerOptions, RedisStreamer,
};
use sea_streamer_types::{
    Consumer, ConsumerGroup, ConsumerMode, ConsumerOptions, Producer, StreamKey, Streamer,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let seconds = match *words {
        ["consume", url, stream, group, count, batch] => {
            runtime.block_on(consume(url, stream, group, count.parse()?, batch.parse()?))?
        }
        ["send", url, stream, count, bytes] => {
            runtime.block_on(send(url, stream, count.parse()?, bytes.parse()?))?
        }
        _ => {
            return Err(
                "consume URL STREAM GROUP COUNT BATCH, or send URL STREAM COUNT BYTES".into(),
            );
        }
    };
    println!("{seconds}");
    Ok(())
}

async fn consume(url: &str, stream: &str, group: &str, count: usize, batch: usize) -> Result<f64> {
    let streamer = RedisStreamer::connect(url.parse()?, Default::default()).await?;
    let mut options = RedisConsumerOptions::new(ConsumerMode::LoadBalanced);
    options.set_consumer_group(ConsumerGroup::new(group))?;
    options.set_auto_stream_reset(AutoStreamReset::Earliest);
    // As its documentation recommends for at-least-once delivery.
    options.set_auto_commit(AutoCommit::Rolling);
    if batch > 0 {
        options.set_batch_size(batch);
    }
    let started = Instant::now();
    let consumer = streamer
        .create_consumer(&[StreamKey::new(stream)?], options)
        .await?;
    for _ in 0..count {
        let message = consumer.next().await?;
        consumer.ack(&message)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    consumer.end().await?;
    Ok(seconds)
}

async fn send(url: &str, stream: &str, count: usize, bytes: usize) -> Result<f64> {
    let streamer = RedisStreamer::connect(url.parse()?, Default::default()).await?;
    let producer = streamer
        .create_producer(StreamKey::new(stream)?, RedisProducerOptions::default())
        .await?;
    let payload = "x".repeat(bytes);
    let started = Instant::now();
    let mut receipts = Vec::with_capacity(count);
    for _ in 0..count {
        receipts.push(producer.send(payload.as_str())?);
    }
    for receipt in receipts {
        receipt.await?;
    }
    Ok(started.elapsed().as_secs_f64())
}
