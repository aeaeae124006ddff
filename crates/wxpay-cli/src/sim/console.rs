//! The console: one line on standard error for each request and each notification attempt.
//!
//! A thread of its own writes, so that a slow terminal or a full pipe never slows the gateway down. Entries that do not
//! fit into the log meanwhile are counted, and the count is written.

mod json;
mod text;

use crate::{Failure, args::LogFormat};
use std::{
    io::{self, Write as _},
    thread,
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};
use wxpay_proto::UnixTime;
use wxpay_sim::serve::log::{Entries, Entry, Log};

/// Maximum number of entries that wait to be written.
const CAPACITY: usize = 4096;

/// Time for the last lines when the simulator ends. Nobody may be reading them.
const FINISH_TIMEOUT: Duration = Duration::from_secs(1);

/// The thread that writes. It ends after the last entry of the log.
pub(super) struct Console(oneshot::Receiver<()>);

impl Console {
    /// Starts the thread. Returns `None` if nothing is to be written.
    pub(super) fn start(format: LogFormat) -> Result<Option<(Self, Log)>, Failure> {
        let line = match format {
            LogFormat::Text => text::line,
            LogFormat::Json => json::line,
            LogFormat::Off => return Ok(None),
        };
        let (log, entries) = Log::bounded(CAPACITY);
        let (finished, is_finished) = oneshot::channel();
        thread::Builder::new()
            .name(String::from("console"))
            .spawn(move || {
                write(entries, line);
                finished.send(()).ok();
            })
            .map_err(Failure::doing("cannot start the thread that writes the log"))?;
        Ok(Some((Self(is_finished), log)))
    }

    /// Waits until the last lines are written, but not for long.
    pub(super) async fn finish(self) {
        timeout(FINISH_TIMEOUT, self.0).await.ok();
    }
}

/// The subject of a line.
enum Event<'a> {
    Entry(&'a Entry),
    /// A number of entries were dropped.
    Dropped(u64),
}

fn write(mut entries: Entries, line: fn(&Event<'_>) -> String) {
    while let Some(entry) = entries.blocking_next() {
        let mut lines = line(&Event::Entry(&entry));
        let dropped = entries.take_dropped();
        if dropped > 0 {
            lines.push_str(&line(&Event::Dropped(dropped)));
        }
        // If standard error is closed, there is nowhere left to report it.
        io::stderr().write_all(lines.as_bytes()).ok();
    }
}

/// Returns a time by RFC 3339, in UTC, to the millisecond.
fn rfc3339(time: UnixTime) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).map(|time| format!("{time:.3}")).unwrap_or_default()
}

/// Returns a duration in milliseconds, to the microsecond.
fn millis(duration: Duration) -> String {
    let micros = duration.subsec_micros() % 1000;
    format!("{}.{micros:03}", duration.as_millis())
}
