//! Replays the fuzz corpus through the bodies, on the stable compiler and without libFuzzer.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test; its output is shown when it fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use wxpay_testkit::fuzz::TARGETS;

/// The targets whose bodies are in the packages that they test, because they need private items. The tests of those
/// packages replay their corpora.
const ELSEWHERE: [&str; 1] = ["server_request"];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Returns the names of the files in a folder, without extensions.
fn names(folder: &Path) -> BTreeSet<String> {
    files(folder).into_iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn every_target_has_a_body_and_a_corpus() {
    let names_of_bodies = TARGETS.iter().map(|(name, _)| *name).chain(ELSEWHERE);
    let bodies: BTreeSet<String> = names_of_bodies.map(str::to_owned).collect();
    assert_eq!(names(&fuzz().join("fuzz_targets")), bodies);
    assert_eq!(names(&fuzz().join("corpus")), bodies);
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    assert!(bodies.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}

#[test]
fn every_corpus_file_passes() {
    for (name, body) in TARGETS {
        let corpus = files(&fuzz().join("corpus").join(name));
        assert!(!corpus.is_empty(), "the corpus of {name} is empty");
        for file in corpus {
            println!("{}", file.display());
            body(&fs::read(file).unwrap());
        }
    }
}
