//! Finds the files, next to the checkout, that some tests compare with. Without them these tests are ignored.

use std::{env, path::Path, process::ExitCode};

/// Each `cfg`, with the files that the tests under it need.
const FILES: [(&str, &[&str]); 2] = [
    ("published_values", &["vectors/v1.json", "vectors/v2-v3.json", "vectors/v2-v3-derived.json"]),
    ("documented_operations", &["protocol/operations.json", "protocol/v3-endpoints.md"]),
];

/// The variable that makes a missing file an error.
const REQUIRED: &str = "WXPAY_VECTORS_REQUIRED";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    let mut is_complete = true;
    for (cfg, names) in FILES {
        println!("cargo::rustc-check-cfg=cfg({cfg})");
        let files: Vec<_> = names.iter().map(|name| Path::new("../../shared").join(name)).collect();
        if files.iter().all(|file| file.is_file()) {
            println!("cargo::rustc-cfg={cfg}");
            for file in files {
                println!("cargo::rerun-if-changed={}", file.display());
            }
        } else {
            is_complete = false;
        }
    }
    if is_complete {
        return ExitCode::SUCCESS;
    }
    // Cargo would rebuild the tests every time if it watched a missing file. Files that appear later are therefore
    // noticed when the variable is set; `tests/run` sets it if they exist.
    println!("cargo::rerun-if-env-changed={REQUIRED}");
    if env::var_os(REQUIRED).is_none() {
        return ExitCode::SUCCESS;
    }
    println!(
        "cargo::error={REQUIRED} is set, but files are missing in ../shared; see tests/build.rs for their names"
    );
    ExitCode::FAILURE
}
