//! The operator's manual: its links lead somewhere, and its commands, settings and metrics exist.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
};
use support::{Running, send, wxpay};

/// Returns the pages and their texts.
fn pages() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wxpay-server/manual");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = paths.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    assert!(pages.len() >= 10, "{}", pages.len());
    pages
}

/// Returns the lines of the blocks of code in a language, without their common indentation.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let line = line.trim_start();
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(name)) => open = Some(format!("{name}\n")),
            (Some(block), None) => *block += &[line, "\n"].concat(),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, None) => {}
        }
    }
    let head = format!("{language}\n");
    blocks.into_iter().filter_map(|block| block.strip_prefix(&head).map(str::to_owned)).collect()
}

/// Returns the arguments of each `wxpay` and `wxpay_` in commands of a shell, and in the text between backticks.
fn commands(text: &str) -> Vec<Vec<String>> {
    let inline = text.split('`').skip(1).step_by(2).filter(|code| !code.contains('\n')).map(str::to_owned);
    let lines: Vec<String> = blocks(text, "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let mut commands = Vec::new();
    for line in lines.into_iter().chain(inline) {
        // What another command prints stands for one word.
        let mut parts = line.split("$(");
        let first = parts.next().unwrap_or_default().to_owned();
        let line = parts.fold(first, |line, part| line + "TEXT" + part.split_once(')').unwrap().1);
        for part in line.split(['|', ';', '#', '>']).flat_map(|part| part.split("&&")) {
            let words: Vec<String> =
                part.split_whitespace().map(|word| word.trim_matches('"').to_owned()).collect();
            let is_command = |word: &str| word == "wxpay" || word == "wxpay_";
            if words.len() > 1 && is_command(&words[0]) && words[1] != "…" {
                commands.push(words[1..].iter().filter(|word| *word != "…").cloned().collect());
            }
        }
    }
    commands
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut links = 0;
    for (path, text) in pages() {
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
                let anchors: Vec<String> = headings
                    .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-"))
                    .collect();
                assert!(
                    anchors.iter().any(|anchor| anchor == heading),
                    "{}: {link}: {anchors:?}",
                    path.display()
                );
            }
            links += 1;
        }
    }
    assert!(links >= 20, "{links}");
}

#[test]
fn commands_are_understood() {
    let mut count = 0;
    for (path, text) in pages() {
        for arguments in commands(&text) {
            // `--help` ends the command before it does anything, but only after the words before it were understood.
            let output = wxpay().args(&arguments).arg("--help").output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: wxpay {}: {error}", path.display(), arguments.join(" "));
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn settings_are_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for (path, text) in pages() {
        for (number, block) in blocks(&text, "toml").iter().enumerate() {
            let file = folder.path().join(format!("{number}.toml"));
            fs::write(&file, block).unwrap();
            let output = wxpay().env_clear().args(["check-config", "--config"]).arg(&file).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(
                !error.is_empty() && !error.contains("unknown") && !error.contains("TOML"),
                "{}: {error}",
                path.display()
            );
            count += 1;
        }
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn metrics_exist() {
    let server =
        Running::start(wxpay().args(["serve", "--dev", "--json"]).env("WXPAY_LISTEN", "127.0.0.1:0"));
    let (_, metrics) = send("GET", &format!("{}/metrics", server.url()), "", None).unwrap();
    let mut count = 0;
    for (path, text) in pages() {
        for name in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|code| code.starts_with("wxpay_") && !code.contains(' '))
        {
            let name = name.split('{').next().unwrap();
            let base = name.strip_suffix("_total").unwrap_or(name);
            assert!(metrics.contains(&format!("# HELP {base} ")), "{}: {name}", path.display());
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}
