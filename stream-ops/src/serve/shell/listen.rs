//! The connections: their number, their time limits, and their end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::paced::Paced;

/// The time for the head of a request, also of the next one on an open connection.
const HEAD_IN: Duration = Duration::from_secs(5);

/// The largest head of a request, in bytes, and the most headers.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;

/// The most simultaneous connections. Further ones wait in the backlog of the socket.
const MOST_CONNECTIONS: usize = 512;

/// The time that answers in progress have when the server stops.
const STOP_IN: Duration = Duration::from_millis(600);

/// Serves until `stop` changes or is dropped.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<()>) {
    let builder = builder();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.changed() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let service = TowerToHyperService::new(router.clone());
                let connection = builder.serve_connection(Paced::new(prepared(stream)), service);
                let connection = graceful.watch(connection.into_owned());
                connections.spawn(async move {
                    if let Err(error) = connection.await {
                        log::debug!("a connection of the dashboard ended: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => rest_after(&error).await,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    // Answers in progress may end; idle connections are closed at once.
    let _ = timeout(STOP_IN, graceful.shutdown()).await;
    connections.abort_all();
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_IN)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .keep_alive(true);
    builder
}

fn prepared(stream: TcpStream) -> TcpStream {
    // Answers are written at once, so delaying them gains nothing.
    let _: io::Result<()> = stream.set_nodelay(true);
    stream
}

/// Pauses after a failed accept: without descriptors, a retry at once would spin.
async fn rest_after(error: &io::Error) {
    let is_of_one_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    );
    if !is_of_one_connection {
        log::warn!("accepting a connection of the dashboard failed and will be retried: {error}");
        sleep(Duration::from_millis(100)).await;
    }
}
