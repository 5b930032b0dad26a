//! A process that adds orders forks. Its child can use nothing of the library, and
//! must leave what belongs to the parent as it is.

use std::process::exit;
use std::time::Duration;

use fork::{Fork, fork, waitpid_nohang};
use rustix::process::{Pid, Signal, kill_process};
use stream_lib::{ErrorKind, Producer, StreamManager, StreamMessage};
use stream_tests::poll;

use super::{Outcome, Scene};

/// A child has ended by then: it waits for nothing.
const CHILD: Duration = Duration::from_secs(30);

/// The findings of a child, as its exit status.
const FINE: i32 = 0;
const ADDED: i32 = 1;
const OTHER_ERROR: i32 = 2;

/// Forks. The parent gets back what it had, once the child has ended as it must.
pub(super) fn strike<M: StreamMessage>(
    scene: &Scene,
    manager: StreamManager,
    producer: Producer<M>,
    message: &M,
) -> Outcome<(StreamManager, Producer<M>)> {
    let _lasting = scene.journal.begin("producer forked");
    match fork()? {
        Fork::Child => {
            // Other threads hold locks for ever here: none of ours may be taken.
            let found = misuse(&manager, &producer, message);
            manager.shutdown();
            drop((producer, manager));
            exit(found);
        }
        Fork::Parent(child) => {
            let ended = poll(CHILD, || waitpid_nohang(child).transpose());
            match ended {
                Some(Ok(0)) => Ok((manager, producer)),
                Some(status) => Err(format!(
                    "a forked child ended with {status:?}: 256 says that an add succeeded there, \
                     512 that it failed in another way than it must"
                )
                .into()),
                None => {
                    if let Some(child) = Pid::from_raw(child) {
                        let _ = kill_process(child, Signal::KILL);
                    }
                    Err("a forked child hangs".into())
                }
            }
        }
    }
}

fn misuse<M: StreamMessage>(manager: &StreamManager, producer: &Producer<M>, message: &M) -> i32 {
    let adds = [
        producer.add(message).map(drop),
        producer.send(message).map(drop),
        manager.stream_stats(producer.stream()).map(drop),
    ];
    for add in adds {
        match add {
            Ok(()) => return ADDED,
            Err(e) if e.kind() == ErrorKind::Closed => {}
            Err(_) => return OTHER_ERROR,
        }
    }
    FINE
}
