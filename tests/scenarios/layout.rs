//! Rules for the layout of the repository: dependencies, lints, packages, test vectors.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the names in a manifest's `[dependencies]`.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = read(&format!("crates/{name}/Cargo.toml"));
    let (_, rest) = manifest.split_once("\n[dependencies]\n").unwrap();
    let section = rest.split("\n[").next().unwrap();
    section
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .collect()
}

fn crates() -> Vec<String> {
    let entries = fs::read_dir(root().join("crates")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn core_is_no_std_and_depends_on_no_runtime() {
    assert!(read("crates/wxpay-proto/src/lib.rs").contains("\n#![no_std]\n"));
    let dependencies = dependencies("wxpay-proto");
    for runtime in [
        "tokio",
        "hyper",
        "mio",
        "async-std",
        "smol",
        "getrandom",
        "rand",
        "reqwest",
        "ureq",
        "log",
        "tracing",
    ] {
        assert!(!dependencies.contains(runtime), "{runtime}");
    }
}

#[test]
fn crate_dependencies_point_one_way() {
    let workspace_dependencies = |name: &str| -> BTreeSet<String> {
        dependencies(name).into_iter().filter(|dependency| dependency.starts_with("wxpay-")).collect()
    };
    let assert_dependencies = |name: &str, allowed: &[&str]| {
        assert_eq!(
            workspace_dependencies(name),
            allowed.iter().map(|name| (*name).to_owned()).collect(),
            "{name}"
        );
    };
    assert_dependencies("wxpay-proto", &[]);
    assert_dependencies("wxpay-aws-lc", &["wxpay-proto"]);
    assert_dependencies("wxpay-hyper", &["wxpay-aws-lc", "wxpay-proto"]);
    assert_dependencies("wxpay-openapi", &[]);
    // A diagnosis that shared code with a verdict would share its mistakes.
    assert_dependencies("wxpay-explain", &[]);
    // It grades programs of any origin: the client library must not judge itself.
    assert_dependencies("wxpay-certify", &["wxpay-proto", "wxpay-sim"]);
    assert_dependencies("wxpay-catalogue", &[]);
    assert_dependencies("wxpay-sim", &["wxpay-catalogue", "wxpay-explain", "wxpay-openapi", "wxpay-proto"]);
    assert_dependencies(
        "wxpay-server",
        &["wxpay-aws-lc", "wxpay-explain", "wxpay-hyper", "wxpay-openapi", "wxpay-proto"],
    );
    assert_dependencies(
        "wxpay-cli",
        &[
            "wxpay-aws-lc",
            "wxpay-catalogue",
            "wxpay-certify",
            "wxpay-explain",
            "wxpay-hyper",
            "wxpay-proto",
            "wxpay-server",
            "wxpay-sim",
        ],
    );
}

/// The simulator must not use the core's signing code: a mistake in shared code would not be found.
#[test]
fn simulator_uses_only_plain_values_of_the_core() {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    files(&root().join("crates/wxpay-sim/src"), &mut found);
    for file in found {
        let text = fs::read_to_string(&file).unwrap();
        for used in text.split("wxpay_proto::").skip(1) {
            let used = used.split([';', '(', '<']).next().unwrap();
            let modules = used.split(|sign: char| !sign.is_ascii_alphanumeric());
            let protocol = modules.into_iter().find(|module| {
                ["v1", "v3", "wire", "crypto", "memory", "payment", "exchange"].contains(module)
            });
            assert_eq!(protocol, None, "{}", file.display());
        }
    }
}

#[test]
fn every_crate_inherits_the_workspace_lints() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for name in crates() {
        assert!(read(&format!("crates/{name}/Cargo.toml")).contains("[lints]\nworkspace = true"), "{name}");
    }
}

#[test]
fn published_crates_have_what_crates_io_and_docs_rs_show() {
    let licenses = ["LICENSE-APACHE", "LICENSE-MIT"];
    for name in crates() {
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        if manifest.contains("\npublish = false\n") {
            continue;
        }
        for field in ["description", "documentation", "readme", "keywords", "categories"] {
            assert!(manifest.contains(&format!("\n{field} = ")), "{name}: {field}");
        }
        assert!(manifest.contains("\n[package.metadata.docs.rs]\n"), "{name}");
        assert!(read(&format!("crates/{name}/README.md")).starts_with(&format!("# {name}\n")), "{name}");
        for license in licenses {
            assert_eq!(read(&format!("crates/{name}/{license}")), read(license), "{name}");
        }
    }
}

#[test]
fn test_vectors_of_one_kind_have_the_same_stages() {
    let kinds =
        ["v1", "v3"].map(|api_version| fs::read_dir(root().join("tests/vectors").join(api_version)).unwrap());
    for kind in kinds.into_iter().flatten() {
        let kind = kind.unwrap().path();
        let stages: BTreeSet<Vec<_>> = fs::read_dir(&kind)
            .unwrap()
            .map(|case| {
                let files = fs::read_dir(case.unwrap().path()).unwrap();
                let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
                names.sort();
                names
            })
            .collect();
        assert_eq!(stages.len(), 1, "{}", kind.display());
    }
}
