//! The dependencies of the library.

use std::path::Path;
use std::process::Command;

#[test]
fn no_async_runtime_is_among_the_dependencies() {
    const ASYNC: [&str; 14] = [
        "tokio",
        "async-std",
        "async-global-executor",
        "smol",
        "glommio",
        "futures",
        "futures-util",
        "futures-core",
        "futures-executor",
        "async-io",
        "async-executor",
        "compio",
        "mio",
        "hyper",
    ];
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "tree",
            "--offline",
            "--locked",
            "-p",
            "stream-lib",
            "--all-features",
        ])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let problems = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{problems}");
    let names: Vec<_> = tree.lines().filter_map(|l| l.split(' ').next()).collect();
    assert!(names.contains(&"redis"), "{tree}");
    for name in names {
        assert!(!ASYNC.contains(&name), "{name} is among them:\n{tree}");
    }
}
