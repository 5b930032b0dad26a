//! The log capture, among the lines of other tests.

use std::thread;

use log::Level;
use stream_tests::LogCapture;

#[test]
fn lines_are_told_apart_by_content_and_by_thread() {
    let capture = LogCapture::start();
    log::warn!(target: "harness", "orders-5b1 is slow");
    thread::Builder::new()
        .name("capture-worker-1".to_owned())
        .spawn(|| {
            log::trace!("orders-5b1 from a worker");
            log::error!("something else");
        })
        .unwrap()
        .join()
        .unwrap();

    let named = capture.containing("orders-5b1");
    assert_eq!(named.len(), 2);
    assert_eq!(named[0].level, Level::Warn);
    assert_eq!(named[0].target, "harness");
    assert_eq!(named[1].text, "orders-5b1 from a worker");

    let of_worker = capture.on_threads("capture-worker-");
    assert_eq!(of_worker.len(), 2);
    assert_eq!(of_worker[1].level, Level::Error);
    assert!(capture.containing("secret-5b1").is_empty());
}

#[test]
fn a_capture_has_only_the_lines_of_its_own_time() {
    let first = LogCapture::start();
    log::info!("line-9c2 one");
    let second = LogCapture::start();
    log::info!("line-9c2 two");
    assert_eq!(first.containing("line-9c2").len(), 2);
    assert_eq!(second.containing("line-9c2").len(), 1);
    drop(first);
    log::info!("line-9c2 three");
    assert_eq!(second.containing("line-9c2").len(), 2);
    assert!(second.lines().len() >= 2);
}
