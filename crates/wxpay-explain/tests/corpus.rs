//! A corpus of signed messages with known causes, made by a Python program that shares no code with this crate.
//!
//! Each message is explained twice: within a millisecond, and thoroughly. A pair of causes of which one hides the other,
//! such as the wrong key and anything in the string, is counted apart.
//!
//! `WXPAY_CORPUS` is the number of messages for each cause (20 by default), `WXPAY_CORPUS_PAIRS` that for each pair of
//! causes (2), `WXPAY_CORPUS_VALID` that of valid messages (400), `WXPAY_CORPUS_SEED` the seed. `WXPAY_CLIENTS_PYTHON`
//! is a Python with the package `cryptography`; without it, the corpus is reported as `NOT TESTED`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(clippy::print_stderr, clippy::arithmetic_side_effects, reason = "it prints the figures")]

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use wxpay_explain::{Explainer, Explanation, Key, Keys, Message};

#[derive(Deserialize)]
struct Given {
    keys: Vec<String>,
    public_key: String,
    public_key_id: String,
    mchid: String,
    appid: String,
    api_v3_key: String,
}

#[derive(Deserialize)]
struct Case {
    expected: Vec<String>,
    hidden: bool,
    now: u64,
    input: serde_json::Value,
}

impl Given {
    fn explainer(&self) -> Explainer {
        let mut keys: Keys = self.keys.iter().map(|pem| Key::from_pem(pem.as_bytes()).unwrap()).collect();
        keys.add(Key::from_pem(self.public_key.as_bytes()).unwrap().with_serial(&self.public_key_id));
        let key: &[u8; 32] = self.api_v3_key.as_bytes().try_into().unwrap();
        Explainer::new(keys).with_mchid(&self.mchid).with_appid(&self.appid).with_api_v3_key(key)
    }
}

/// The answers to the messages of one cause, or of one pair.
#[derive(Default)]
struct Figures {
    total: u64,
    first: u64,
    named: u64,
}

impl Figures {
    fn count(&mut self, expected: &[String], explanation: &Explanation) {
        let ids: Vec<_> = explanation.causes.iter().map(|cause| cause.id.as_str()).collect();
        let is_expected = |id: &&str| expected.iter().any(|expected| expected == id);
        self.total += 1;
        self.first += u64::from(ids.first().is_some_and(is_expected) && !explanation.valid);
        self.named += u64::from(expected.iter().all(|expected| ids.contains(&expected.as_str())));
    }

    fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.first += other.first;
        self.named += other.named;
    }

    /// Returns whether at least this many of a thousand are right.
    fn reach(count: u64, total: u64, per_mille: u64) -> bool {
        count * 1000 >= total * per_mille
    }
}

fn number(name: &str, default: u64) -> String {
    env::var(name).unwrap_or_else(|_| default.to_string())
}

/// Prints directly to standard error, since the test harness hides the output of passing tests.
fn report(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

#[test]
fn causes_of_the_corpus_are_named() {
    let python = env::var("WXPAY_CLIENTS_PYTHON").unwrap_or_else(|_| "python3".into());
    let each = number("WXPAY_CORPUS", 20);
    let made = Command::new(&python)
        .arg("-B")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/explain/corpus.py"))
        .args(["--each", &each, "--pairs", &number("WXPAY_CORPUS_PAIRS", 2)])
        .args(["--valid", &number("WXPAY_CORPUS_VALID", 400), "--seed", &number("WXPAY_CORPUS_SEED", 1)])
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut made) = made else { return report(&format!("NOT TESTED: {python} cannot be started")) };
    let mut lines = BufReader::new(made.stdout.take().unwrap()).lines().map(Result::unwrap);
    let Some(given) = lines.next() else {
        assert_eq!(made.wait().unwrap().code(), Some(77), "the corpus cannot be made");
        return report("NOT TESTED: the corpus needs Python's package cryptography");
    };
    let given = serde_json::from_str::<Given>(&given).unwrap();
    let mut modes =
        [Mode::new("quick", given.explainer()), Mode::new("thorough", given.explainer().thorough())];
    for line in lines {
        let case: Case = serde_json::from_str(&line).unwrap();
        let message = Message::parse(case.input.to_string().as_bytes()).unwrap();
        for mode in &mut modes {
            mode.explain(&case, &message, &line);
        }
    }
    assert!(made.wait().unwrap().success());
    modes.iter().for_each(Mode::report);
    modes.iter().for_each(Mode::check);
}

/// An explainer with its figures.
struct Mode {
    name: &'static str,
    explainer: Explainer,
    singles: BTreeMap<String, Figures>,
    pairs: BTreeMap<String, Figures>,
    hidden: Figures,
    valid: u64,
    alarms: u64,
    slowest: Duration,
}

impl Mode {
    fn new(name: &'static str, explainer: Explainer) -> Self {
        let (singles, pairs) = (BTreeMap::new(), BTreeMap::new());
        let (hidden, slowest) = (Figures::default(), Duration::ZERO);
        Self { name, explainer, singles, pairs, hidden, valid: 0, alarms: 0, slowest }
    }

    fn explain(&mut self, case: &Case, message: &Message, line: &str) {
        let start = Instant::now();
        let explanation = self.explainer.explain(message, Some(case.now));
        self.slowest = self.slowest.max(start.elapsed());
        if case.expected.is_empty() {
            self.valid += 1;
            self.alarms += u64::from(!explanation.valid);
            return;
        }
        let name = case.expected.join(" + ");
        let figures = match case.expected.len() {
            1 => self.singles.entry(name.clone()).or_default(),
            _ if case.hidden => &mut self.hidden,
            _ => self.pairs.entry(name.clone()).or_default(),
        };
        let before = (figures.first, figures.named);
        figures.count(&case.expected, &explanation);
        let is_right = figures.first > before.0 && figures.named > before.1;
        if env::var("WXPAY_CORPUS_SHOW").is_ok_and(|shown| name.contains(&shown)) && !is_right {
            report(&format!("{}: {name}: {:?}\n{line}", self.name, explanation.summary()));
        }
    }

    /// Returns the sums of the single causes and of the pairs.
    fn sums(&self) -> [Figures; 2] {
        [&self.singles, &self.pairs].map(|figures| {
            figures.values().fold(Figures::default(), |mut sum, figures| {
                sum.add(figures);
                sum
            })
        })
    }

    fn report(&self) {
        let Self { name, singles, pairs, hidden, valid, alarms, slowest, .. } = self;
        report(&format!("{name}: cause: messages, first answer right, named"));
        for (cause, figures) in singles {
            report(&format!("{cause}: {}, {}, {}", figures.total, figures.first, figures.named));
        }
        for (cause, figures) in pairs.iter().filter(|(_, figures)| figures.named * 2 < figures.total) {
            report(&format!("{cause}: {}, {}, {}", figures.total, figures.first, figures.named));
        }
        let [all, in_pairs] = self.sums();
        report(&format!("{name}: all causes: {}, {}, {}", all.total, all.first, all.named));
        let Figures { total, first, named } = in_pairs;
        report(&format!("{name}: all {} pairs: {total}, {first}, {named}", pairs.len()));
        report(&format!("{name}: hidden pairs: {}, {}, {}", hidden.total, hidden.first, hidden.named));
        report(&format!("{name}: valid messages: {valid}, false alarms: {alarms}; slowest: {slowest:?}"));
    }

    fn check(&self) {
        let [all, in_pairs] = self.sums();
        assert!(self.singles.len() >= 30 && all.total >= 30 && self.valid > 0);
        assert!(Figures::reach(all.first, all.total, 990), "{}: first answer", self.name);
        assert!(Figures::reach(all.named, all.total, 999), "{}: cause named", self.name);
        assert!(Figures::reach(in_pairs.named, in_pairs.total, 900), "{}: pairs", self.name);
        assert_eq!(self.alarms, 0, "{}", self.name);
    }
}
