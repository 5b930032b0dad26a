//! The spool's directory: private, locked, and the files in it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::fail;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::Origin;

const LOCK: &str = "spool.lock";
const DATABASE: &str = "spool.redb";
const FRESH: &str = "spool.redb.new";
const FRESH_REFUSED: &str = "spool.refused.new";
const TYPES: &str = "spool.types";
const FRESH_TYPES: &str = "spool.types.new";
const DAMAGED: &str = "spool.redb.damaged";

/// A directory that no other process uses as a spool while this value lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked by `flock`, which ends with the process, however it ends.
    lock: File,
    origin: Origin,
}

impl Directory {
    /// Makes the directory (mode 0700), if it doesn't exist, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self> {
        make(path).map_err(|e| refused(path, "make", e))?;
        let lock = Self::lock(path)?;
        make_private(path).map_err(|e| refused(path, "look into", e))?;
        let directory = Self {
            path: path.to_owned(),
            lock,
            origin: Origin::here(),
        };
        // A process ended while it made this file, whose source is still there.
        for unfinished in [
            directory.fresh(),
            directory.fresh_refused(),
            directory.fresh_types(),
        ] {
            match fs::remove_file(unfinished) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(refused(path, "remove an unfinished file in", e));
                }
                _ => {}
            }
        }
        Ok(directory)
    }

    #[expect(
        clippy::incompatible_msrv,
        reason = "redb, without which there is no spool, needs 1.90"
    )]
    fn lock(path: &Path) -> Result<File> {
        let mut options = private_file();
        let mut file = options
            .read(true)
            .create(true)
            .open(path.join(LOCK))
            .map_err(|e| refused(path, "write to", e))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let _ = file.take(20).read_to_string(&mut owner);
                return Err(Error::new(
                    ErrorKind::Locked,
                    format!(
                        "the spool directory `{}` is in use by process {}: \
                         each producer needs a directory of its own",
                        path.display(),
                        owner.trim()
                    ),
                ));
            }
            Err(TryLockError::Error(e)) => return Err(refused(path, "lock", e)),
        }
        // The process id is only for the error text above: the lock is what counts.
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(file)
    }

    /// The process that has locked it.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// The path at which a database is made, before it is installed.
    pub(super) fn fresh(&self) -> PathBuf {
        self.path.join(FRESH)
    }

    /// The path at which the file of a refused message is made.
    pub(super) fn fresh_refused(&self) -> PathBuf {
        self.path.join(FRESH_REFUSED)
    }

    /// The file with the types of the messages.
    pub(super) fn types(&self) -> PathBuf {
        self.path.join(TYPES)
    }

    /// The path at which it is made.
    pub(super) fn fresh_types(&self) -> PathBuf {
        self.path.join(FRESH_TYPES)
    }

    /// Writes a file, whole and synced or not at all: as `fresh` first, which then takes
    /// the place of `path`.
    pub(super) fn write(&self, path: &Path, fresh: &Path, contents: &[u8]) -> io::Result<()> {
        let mut file = Self::file(fresh, true)?;
        file.set_len(0)?;
        file.write_all(contents)?;
        fail::step();
        file.sync_all()?;
        fail::step();
        fs::rename(fresh, path)?;
        fail::step();
        self.sync()
    }

    /// Opens a file, such as the database, readable by its owner alone.
    pub(super) fn file(path: &Path, create: bool) -> io::Result<File> {
        private_file().read(true).create(create).open(path)
    }

    /// Gives the database a second name, which stays when [`install`](Self::install)
    /// takes its first. A crash in between leaves both.
    pub(super) fn set_aside(&self) -> io::Result<PathBuf> {
        let database = self.database();
        for n in 1_u32.. {
            let name = self.path.join(format!("{DAMAGED}-{n}"));
            match fs::hard_link(&database, &name) {
                Ok(()) => {
                    fail::step();
                    self.sync()?;
                    return Ok(name);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                // A file system without links.
                Err(_) => {
                    if !name.exists() {
                        fs::copy(&database, &name)?;
                        File::open(&name)?.sync_all()?;
                        self.sync()?;
                        return Ok(name);
                    }
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// Puts the fresh database, complete and synced, in the place of the old.
    pub(super) fn install(&self) -> io::Result<()> {
        File::open(self.fresh())?.sync_all()?;
        fail::step();
        fs::rename(self.fresh(), self.database())?;
        fail::step();
        self.sync()
    }

    /// Makes names durable, on systems that can.
    pub(super) fn sync(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(&self.path)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Directory {
    #[expect(
        clippy::incompatible_msrv,
        reason = "redb, without which there is no spool, needs 1.90"
    )]
    fn drop(&mut self) {
        // A child shares the lock with its parent, and would end it.
        if !self.origin.is_here() {
            return;
        }
        // Closing alone would leave the lock with a process that is just being forked
        // off, until it runs another program.
        let _ = self.lock.unlock();
    }
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent()
        && !parent.as_os_str().is_empty()
    {
        fs::create_dir_all(parent)?;
    }
    match private_directory().create(path) {
        // Another process made it at the same time.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

#[cfg(unix)]
fn private_directory() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_directory() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Closes an existing directory to other users, if it contains nothing but a spool. A
/// directory with other files keeps its mode.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(());
    }
    let mut ours = true;
    for entry in fs::read_dir(path)? {
        ours &= entry?.file_name().to_string_lossy().starts_with("spool.");
    }
    if !ours || fs::set_permissions(path, fs::Permissions::from_mode(0o700)).is_err() {
        log::warn!(
            "the spool directory `{}` is open to other users and not ours alone: the spool's files \
             are private, but a directory of its own is safer",
            path.display()
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

fn refused(path: &Path, what: &str, cause: io::Error) -> Error {
    let text = format!("can't {what} the spool directory `{}`", path.display());
    Error::new(ErrorKind::System, text).because(cause)
}
