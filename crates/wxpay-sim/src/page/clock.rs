//! The business clock.

use super::{Frame, Visit, rendered, text::moment};
use askama::Template;

#[derive(Template)]
#[template(path = "clock.html")]
struct Show {
    f: Frame,
    now: String,
    seconds: u64,
    runs: bool,
}

/// Shows the clock.
pub(super) fn show(visit: &mut Visit<'_>) -> String {
    let seconds = visit.now.business.as_secs();
    let runs = visit.simulation.clock.runs();
    rendered(&Show { f: visit.frame.clone(), now: moment(seconds), seconds, runs })
}
