//! The shop as a child process, with all processes that it starts.

use crate::Failure;
use std::{
    io,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Time that the shop has to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Interval between two looks at the process.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A running shop. It is killed when it is dropped.
pub(super) struct Process {
    child: Child,
}

impl Process {
    /// Starts a shell command with additional variables.
    pub(super) fn start(text: &str, variables: Vec<(&'static str, String)>) -> Result<Self, Failure> {
        let mut command = shell(text);
        // Standard output is for the report.
        command.envs(variables).stdin(Stdio::null()).stdout(io::stderr()).stderr(Stdio::inherit());
        let child = command.spawn().map_err(Failure::doing("--start: the command cannot be started"))?;
        Ok(Self { child })
    }

    /// Returns the exit status if the command has ended.
    pub(super) fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends the shop, and kills it after a while.
    pub(super) async fn stop(mut self) {
        self.signal("TERM");
        let began = Instant::now();
        while self.status().is_none() && began.elapsed() < STOP_TIMEOUT {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Sends a signal to the command and to all that it has started. Without signals, the command alone is killed.
    fn signal(&mut self, name: &str) {
        if cfg!(unix) {
            // The shell's own `kill`: a small container has no program of that name.
            let mut kill = Command::new("sh");
            kill.args(["-c", &format!("kill -s {name} -- -{}", self.child.id())])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            if kill.status().is_ok_and(|status| status.success()) {
                return;
            }
        }
        drop(self.child.kill());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The command may have ended, and a program that it started may still run.
        self.signal("KILL");
        drop(self.child.wait());
    }
}

#[cfg(unix)]
fn shell(text: &str) -> Command {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    // A group of its own, so that the programs that the command starts can be ended with it.
    command.args(["-c", text]).process_group(0);
    command
}

#[cfg(not(unix))]
fn shell(text: &str) -> Command {
    let mut command = Command::new("cmd");
    command.args(["/C", text]);
    command
}
