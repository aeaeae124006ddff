//! Finds the files, next to the checkout, that some tests compare with. Without them these tests are ignored. Writes the
//! example shop with each planted fault, for the test `certify`.

#[path = "certify/faults.rs"]
mod faults;

use std::{env, fmt::Write as _, fs, path::Path, process::ExitCode};

/// Each `cfg`, with the files that the tests under it need.
const FILES: [(&str, &[&str]); 2] = [
    ("published_values", &["vectors/v1.json", "vectors/v2-v3.json", "vectors/v2-v3-derived.json"]),
    ("documented_operations", &["protocol/operations.json", "protocol/v3-endpoints.md"]),
];

/// The variable that makes a missing file an error.
const REQUIRED: &str = "WXPAY_VECTORS_REQUIRED";

/// The example that the faults are planted into.
const SHOP: &str = "../crates/wxpay-hyper/examples/shop.rs";

/// Writes the shops: the module `correct`, one module for each fault, and a table of them.
fn write_shops() -> Result<(), String> {
    println!("cargo::rerun-if-changed={SHOP}");
    println!("cargo::rerun-if-changed=certify/faults.rs");
    let example = fs::read_to_string(SHOP).map_err(|error| format!("{SHOP}: {error}"))?;
    // A module has no documentation and no attributes of a crate.
    let (_, code) = example.split_once("\nuse ").ok_or("the example has no imports")?;
    let code = format!("use {code}");
    let mut shops = format!("pub(crate) use correct::now;\npub(crate) mod correct {{\n{code}}}\n");
    let mut table = String::from("(\"correct\", correct::open_shop),");
    for fault in faults::FAULTS {
        let mut faulty = code.clone();
        for (from, to) in fault.replacements {
            let found = faulty.matches(from).count();
            if found != 1 {
                return Err(format!("{}: {found} times instead of once in the example: {from}", fault.name));
            }
            faulty = faulty.replace(from, to);
        }
        write!(shops, "mod {} {{\n{faulty}}}\n", fault.name).map_err(|error| error.to_string())?;
        write!(table, "(\"{0}\", {0}::open_shop),", fault.name).map_err(|error| error.to_string())?;
    }
    writeln!(shops, "pub(crate) static ALL: &[(&str, super::OpenShop)] = &[{table}];")
        .map_err(|error| error.to_string())?;
    let folder = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?;
    fs::write(Path::new(&folder).join("shops.rs"), shops).map_err(|error| error.to_string())
}

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    if let Err(error) = write_shops() {
        println!("cargo::error={error}");
        return ExitCode::FAILURE;
    }
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
