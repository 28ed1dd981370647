//! The scripts do what they say, where the programs they call are not: stand-ins answer for those, and write down how they
//! were called.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Programs of the system that the scripts may have as they are.
const SYSTEM: &[&str] = &[
    "awk", "basename", "bash", "cat", "chmod", "cp", "cut", "date", "df", "dirname", "env", "grep", "head", "ls",
    "mkdir", "rm", "sed", "sh", "sort", "tail", "tee", "tr", "wc",
];

/// A project that holds nothing but some scripts, and a PATH with nothing on it but the system and stand-ins.
struct Stage(tempfile::TempDir);

impl Stage {
    fn with(scripts: &[&str]) -> Self {
        let stage = Self(tempfile::tempdir().unwrap());
        fs::create_dir(stage.path("bin")).unwrap();
        for name in SYSTEM {
            let path = std::env::var_os("PATH").unwrap();
            let there = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
            symlink(there.unwrap(), stage.path("bin").join(name)).unwrap();
        }
        for script in scripts {
            fs::create_dir_all(stage.path(script).parent().unwrap()).unwrap();
            fs::copy(root().join(script), stage.path(script)).unwrap();
        }
        stage
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A program of this name, which is a shell script.
    fn program(&self, name: &str, script: &str) -> &Self {
        let file = self.path("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn run(&self, script: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = Command::new(self.path(script));
        command.args(arguments).env_clear().env("PATH", self.path("bin")).envs(variables.iter().copied());
        command.current_dir(self.0.path()).output().unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The last line of what `tests/run rust` says, and whether it ended well, when one of three tests says that it lacks this.
fn sum(user: &str, lacking: &str, variables: &[(&str, &str)]) -> (String, bool) {
    let stage = Stage::with(&["tests/run", "tests/prepare"]);
    let said =
        format!("printf 'skipped: a_test: %s\\n' '{lacking}'; echo 'test result: ok. 3 passed; 0 failed; 0 ignored'");
    stage.program("cargo", &format!("case $1 in test) {said} ;; esac")).program("rustc", "").program("cc", "");
    // Whatever is installed is refused.
    stage.program("id", &format!("echo {user}")).program("apt-get", "exit 100");
    let output = stage.run("tests/run", &["rust"], variables);
    let text = String::from_utf8(output.stdout).unwrap();
    (text.lines().last().unwrap_or_default().to_string(), output.status.success())
}

#[test]
fn under_ci_what_is_skipped_is_a_failure_unless_packages_were_refused() {
    let skipped = ("2 passed, 0 failed, 1 skipped".to_string(), true);
    let failed = ("2 passed, 1 failed, 0 skipped".to_string(), false);
    let (program, rights) = ("strace is not installed", "this system lets nobody make a network of namespaces");
    let ci: &[(&str, &str)] = &[("CI", "true")];
    assert_eq!(sum("0", program, &[]), skipped);
    assert_eq!(sum("0", program, ci), skipped, "its package was asked for and refused");
    assert_eq!(sum("1000", program, ci), failed, "nobody asked for its package");
    assert_eq!(sum("0", rights, ci), failed, "no package would help");
    assert_eq!(sum("0", rights, &[]), skipped);
    assert_eq!(sum("0", "there is no script here", ci), failed, "ip was refused, which is another program");
}

/// The whole part, when it cannot be prepared.
#[test]
fn a_part_that_is_left_out_for_want_of_rights_is_no_refusal() {
    for (user, fetched, last) in
        [("0", "exit 100", "0 passed, 0 failed, 1 skipped"), ("1000", "exit 100", "0 passed, 1 failed, 0 skipped")]
    {
        let stage = Stage::with(&["tests/run", "tests/prepare"]);
        stage.program("cargo", "").program("rustc", "").program("cc", "").program("dpkg-deb", "");
        stage.program("id", &format!("echo {user}")).program("unshare", "").program("apt-get", fetched);
        let output = stage.run("tests/run", &["swift"], &[("CI", "true")]);
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().last(), Some(last));
    }
    // A Python that makes no folder for its packages is no refusal of packages either.
    let stage = Stage::with(&["tests/run", "tests/prepare"]);
    stage.program("python3", "exit 1").program("id", "echo 1000");
    let output = stage.run("tests/run", &["python"], &[("CI", "true")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.ends_with("0 passed, 1 failed, 0 skipped\n") && text.contains("python3 -m venv"), "{text}");
}

#[test]
fn the_xcframework_is_built_of_three_slices_with_the_headers_of_one_module() {
    let stage = Stage::with(&["ios/xcframework"]);
    let rust = fs::read_to_string(root().join("bindings/bindgen/src/main.rs")).unwrap();
    let (_, map) = rust.split_once("const MODULE_MAP: &str = \"").unwrap();
    let map = map.split_once("\";").unwrap().0.replace("\\\"", "\"");
    assert!(map.contains("  link "), "what is taken out for Apple");
    fs::write(stage.path("map"), map).unwrap();
    fs::write(
        stage.path("kith-bindgen"),
        "#!/bin/sh\n[ -f \"$2\" ] || exit 1\ncp map \"$3/module.modulemap\"\n\
         for name in KithModel KithNotebook; do echo swift >\"$3/$name.swift\"; echo header >\"$3/${name}FFI.h\"; done\n",
    )
    .unwrap();
    fs::set_permissions(stage.path("kith-bindgen"), fs::Permissions::from_mode(0o755)).unwrap();
    stage.program("uname", "echo Darwin").program("rustup", "echo rustup \"$@\" >>calls").program(
        "cargo",
        "echo cargo \"$@\" $IPHONEOS_DEPLOYMENT_TARGET $MACOSX_DEPLOYMENT_TARGET >>calls\n\
         mkdir -p target/debug; cp kith-bindgen target/debug/\n\
         case $1 in rustc) for target; do :; done; mkdir -p target/$target/release\n\
         echo library >target/$target/release/libkith_bindings.a ;; esac",
    );
    stage.program("xcodebuild", "for word; do echo \"$word\"; done >xcodebuild.words");
    let output = stage.run("ios/xcframework", &[], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let targets = ["aarch64-apple-ios", "aarch64-apple-ios-sim", "aarch64-apple-darwin"];
    let mut calls = String::new();
    for target in targets {
        calls += &format!("rustup target add {target}\n");
        calls += &format!(
            "cargo rustc -p kith-bindings --lib --crate-type staticlib --release --target {target} 17.0 14.0\n"
        );
    }
    assert_eq!(stage.read("calls"), calls + "cargo build -p kith-bindgen 17.0 14.0\n");

    let headers = stage.path("target/swift/headers").to_string_lossy().into_owned();
    let mut words = vec!["-create-xcframework".to_string()];
    for target in targets {
        words.extend(["-library".into(), format!("target/{target}/release/libkith_bindings.a")]);
        words.extend(["-headers".into(), headers.clone()]);
    }
    words.extend(["-output".into(), "ios/NotebookKit/NotebookFFI.xcframework".into()]);
    assert_eq!(stage.read("xcodebuild.words").lines().collect::<Vec<_>>(), words);

    let map = stage.read("target/swift/headers/module.modulemap");
    assert!(map.starts_with("module NotebookFFI {") && !map.contains("link"), "{map}");
    for header in map.lines().filter_map(|line| line.split('"').nth(1)) {
        assert_eq!(stage.read(&format!("target/swift/headers/{header}")), "header\n");
    }
    assert_eq!(fs::read_dir(&headers).unwrap().count(), 3, "two headers and their map");
    let written = fs::read_dir(stage.path("ios/NotebookKit/Sources/NotebookBindings")).unwrap();
    assert_eq!(written.count(), 2, "the Swift of both halves");

    let package = fs::read_to_string(root().join("ios/NotebookKit/Package.swift")).unwrap();
    assert!(package.contains(".binaryTarget(name: \"NotebookFFI\", path: \"NotebookFFI.xcframework\")"));
    assert!(package.contains("[.iOS(.v17), .macOS(.v14)]"), "the systems that the library is built for");
}
