//! The state as a whole: counts, saved states, reset.

use super::{Frame, Visit, rendered, text::moment};
use crate::control::ROOT;
use askama::Template;

/// A saved state.
struct Saved {
    name: String,
    at: String,
    orders: usize,
}

#[derive(Template)]
#[template(path = "state.html")]
struct Show {
    f: Frame,
    counts: Vec<(String, u64)>,
    saved: Vec<Saved>,
}

/// Shows the number of records, and the saved states.
pub(super) fn show(visit: &mut Visit<'_>) -> String {
    let state = visit.simulation.control("GET", &format!("{ROOT}state"), &[], visit.request.real);
    let counts = state.body.get("counts").and_then(|counts| counts.as_object()).cloned().unwrap_or_default();
    let counts = counts.into_iter().map(|(name, count)| (name, count.as_u64().unwrap_or_default())).collect();
    let saved = visit.simulation.gateway.snapshots().map(|(name, snapshot)| Saved {
        name: name.into(),
        at: moment(snapshot.saved_at.as_secs()),
        orders: snapshot.orders(),
    });
    let saved = saved.collect();
    rendered(&Show { f: visit.frame.clone(), counts, saved })
}
