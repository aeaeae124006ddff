//! Costs and times.

use std::{
    fs,
    hint::black_box,
    process,
    time::{Duration, Instant},
};
use wxpay_sim::{Gateway, Settings};

/// Ticks per second of the times in `/proc`, the same on every Linux.
const TICKS: f64 = 100.0;

/// The processor time of bare RSA-2048, in microseconds.
#[derive(Clone, Copy)]
pub(crate) struct RsaCost {
    pub(crate) sign: f64,
    pub(crate) verify: f64,
}

impl RsaCost {
    pub(crate) fn measure() -> Self {
        let gateway = Gateway::new(Settings::default(), 7);
        let key = &gateway.merchant().api_keys()[0].key_pair;
        let (message, signature) = (b"message", key.sign(b"message"));
        let public = key.public();
        Self {
            sign: micros(|| drop(black_box(key.sign(black_box(message))))),
            verify: micros(|| assert!(public.verifies(black_box(message), &signature))),
        }
    }

    /// Returns the cost of a cycle's signatures and verifications at the server: the prepay call and the parameters
    /// are signed, the reply and the notification are verified.
    pub(crate) fn of_cycle(self) -> f64 {
        2.0 * self.sign + 2.0 * self.verify
    }
}

/// Returns the processor time of one run, in microseconds.
fn micros(mut run: impl FnMut()) -> f64 {
    let (start, before, mut runs) = (Instant::now(), cpu(process::id()), 0_u32);
    while start.elapsed() < Duration::from_secs(2) {
        run();
        runs += 1;
    }
    (cpu(process::id()) - before) * 1e6 / f64::from(runs)
}

/// Returns the processor time that a process has used, in seconds.
pub(crate) fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name of the program, in parentheses, may hold blanks.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: f64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap()).sum();
    ticks / TICKS
}

/// Returns the processor time that a process and its children have used, also those that have ended, in seconds.
pub(crate) fn cpu_of_family(pid: u32) -> f64 {
    // The parent and the four times: the process's own two, and those of its children that have ended.
    let times = |pid: &str| -> Option<(u32, Vec<f64>)> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, fields) = stat.rsplit_once(')')?;
        let mut fields = fields.split_whitespace().skip(1);
        let parent = fields.next()?.parse().unwrap();
        Some((parent, fields.skip(9).take(4).map(|ticks| ticks.parse().unwrap()).collect()))
    };
    let (_, own) = times(&pid.to_string()).unwrap();
    let names =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let children = names.filter_map(|name| times(&name)).filter(|(parent, _)| *parent == pid);
    let of_children: f64 = children.map(|(_, times)| times[0] + times[1]).sum();
    (own.iter().sum::<f64>() + of_children) / TICKS
}

/// Returns a memory figure of a process in MiB: `VmRSS` is the present one, `VmHWM` the largest.
pub(crate) fn memory(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Returns the latency below which this share of the requests, in percent, was answered; in milliseconds.
pub(crate) fn percentile(latencies: &mut [Duration], percent: usize) -> f64 {
    latencies.sort_unstable();
    latencies[(latencies.len() - 1) * percent / 100].as_secs_f64() * 1e3
}
