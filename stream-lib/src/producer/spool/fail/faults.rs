//! A disk that fails, loses power, or whose process dies, at a given step.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{BackendError, DatabaseError, StorageBackend};
use rustix::process::{Signal, getpid, kill_process};

/// The faults, and their steps, which count from 1.
#[derive(Debug, Default)]
pub(in super::super) struct Plan {
    steps: AtomicU64,
    /// The process dies before this step.
    pub(in super::super) die_at: Option<u64>,
    /// When it dies, unsynced data is lost in part, by this seed.
    pub(in super::super) lose_unsynced: Option<u64>,
    /// The disk refuses this step, and those after it while this is above 0.
    pub(in super::super) refuse_from: AtomicU64,
    pub(in super::super) refusals: AtomicU64,
}

thread_local! {
    static PLAN: RefCell<Option<Arc<Plan>>> = const { RefCell::new(None) };
}

/// The variable that names the step for which this process was started.
pub(in super::super) const STEP: &str = "STREAM_LIB_SPOOL_TEST_STEP";
pub(in super::super) const POWER: &str = "STREAM_LIB_SPOOL_TEST_POWER";

/// Makes `plan` that of all files opened by this thread from now on.
pub(in super::super) fn set_plan(plan: Option<Arc<Plan>>) {
    PLAN.set(plan);
}

fn plan() -> Option<Arc<Plan>> {
    static OF_PROCESS: OnceLock<Option<Arc<Plan>>> = OnceLock::new();
    let number = |name| std::env::var(name).ok()?.parse().ok();
    let of_process = OF_PROCESS.get_or_init(|| {
        Some(Arc::new(Plan {
            die_at: Some(number(STEP)?),
            lose_unsynced: number(POWER),
            ..Plan::default()
        }))
    });
    PLAN.with_borrow(Clone::clone)
        .or_else(|| of_process.clone())
}

/// A step outside of the database file.
pub(in super::super) fn step() {
    if let Some(plan) = plan()
        && plan.is_dead_at(plan.next())
    {
        die();
    }
}

/// As by `kill -9`.
fn die() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    unreachable!("nobody survives SIGKILL")
}

impl Plan {
    fn next(&self) -> u64 {
        self.steps.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn is_dead_at(&self, step: u64) -> bool {
        self.die_at == Some(step)
    }

    pub(in super::super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::SeqCst)
    }

    fn refuses(&self, step: u64) -> bool {
        let from = self.refuse_from.load(Ordering::SeqCst);
        let left = |n: u64| n.checked_sub(1);
        from > 0
            && step >= from
            && self
                .refusals
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left)
                .is_ok()
    }
}

const BLOCK: usize = 512;

/// The real file, watched.
#[derive(Debug)]
struct Watched {
    inner: FileBackend,
    plan: Option<Arc<Plan>>,
    unsynced: Mutex<Unsynced>,
}

#[derive(Debug, Default)]
struct Unsynced {
    /// Blocks as they were when last synced.
    before: BTreeMap<u64, Vec<u8>>,
    /// The length when last synced.
    length: Option<u64>,
}

pub(in super::super) fn backend(file: File) -> Result<impl StorageBackend, DatabaseError> {
    Ok(Watched {
        inner: FileBackend::new(file)?,
        plan: plan(),
        unsynced: Mutex::default(),
    })
}

impl Watched {
    fn step(&self) -> io::Result<()> {
        let Some(plan) = &self.plan else {
            return Ok(());
        };
        let step = plan.next();
        if plan.is_dead_at(step) {
            if let Some(seed) = plan.lose_unsynced {
                self.lose_unsynced(seed)?;
            }
            die();
        }
        if plan.refuses(step) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    /// Each block that was written and not synced is on disk, or isn't.
    fn lose_unsynced(&self, seed: u64) -> io::Result<()> {
        let unsynced = std::mem::take(&mut *self.unsynced.lock());
        let mut all = true;
        for (&block, before) in &unsynced.before {
            let luck = (block + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed;
            if luck.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 63 == 0 {
                self.inner.write(block * BLOCK as u64, before)?;
            } else {
                all = false;
            }
        }
        match unsynced.length {
            Some(length) if all => self.inner.set_len(length),
            _ => Ok(()),
        }
    }

    fn remember(&self, offset: u64, length: usize) -> io::Result<()> {
        let mut unsynced = self.unsynced.lock();
        let end = self.inner.len()?;
        let (first, last) = (
            offset / BLOCK as u64,
            (offset + length as u64 - 1) / BLOCK as u64,
        );
        for block in first..=last {
            let at = block * BLOCK as u64;
            let left = usize::try_from(end.saturating_sub(at)).unwrap();
            let mut before = vec![0; BLOCK.min(left)];
            self.inner.read(at, &mut before)?;
            unsynced.before.entry(block).or_insert(before);
        }
        Ok(())
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.step()?;
        let before = self.inner.len()?;
        self.unsynced.lock().length.get_or_insert(before);
        self.inner.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.step()?;
        self.inner.sync_data()?;
        *self.unsynced.lock() = Unsynced::default();
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step()?;
        if !bytes.is_empty() {
            self.remember(offset, bytes.len())?;
        }
        self.inner.write(offset, bytes)
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
