//! The state as a whole: counts, saved states, reset.

use super::{Frame, Visit, rendered, text::moment};
use crate::control::ROOT;
use askama::Template;
use wxpay_explain::{Layout, visible};

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
    warnings: Vec<Warned>,
    saved: Vec<Saved>,
}

/// Maximum number of warnings that are shown.
const MAX_WARNINGS: usize = 10;

/// A warning.
struct Warned {
    at: String,
    kind: String,
    number: String,
    detail: String,
}

/// Shows the number of records, the latest warnings, and the saved states.
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
    let warnings = visit.simulation.gateway.warnings.newest().take(MAX_WARNINGS).map(|warning| Warned {
        at: moment(warning.at),
        kind: serde_json::to_value(warning.kind)
            .ok()
            .and_then(|kind| kind.as_str().map(String::from))
            .unwrap_or_default(),
        number: warning.out_trade_no.clone().unwrap_or_default(),
        detail: visible(warning.detail.as_bytes(), Layout::Lines),
    });
    let warnings = warnings.collect();
    rendered(&Show { f: visit.frame.clone(), counts, warnings, saved })
}
