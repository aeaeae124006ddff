//! Notices and how they were answered, and what the gateway noticed besides.

use super::{
    Answer, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, may},
    problem::Problem,
    records::notification::{NOTIFICATIONS, ONE_NOTIFICATION, REMARKS, states},
    route::{Room, Route},
};
use crate::notifications::{NotificationRecord, NotificationState};
use wxpay_proto::id::NotifyId;

pub(super) const ROOM: Room = Room {
    name: "notices",
    about: "Notices to merchants, of both generations.",
    routes: &[
        Route::get(
            "notices",
            "list_notices",
            "The notices, and how they were answered.",
            NOTIFICATIONS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .asking(FILTERS),
        Route::get(
            "notices/{notify_id}",
            "show_notice",
            "One notice.",
            ONE_NOTIFICATION,
            |simulation, call| find(simulation, call).map(Answer::shown),
        )
        .or(&[NO_NOTIFICATION]),
        Route::post(
            "notices/{notify_id}/resend",
            "resend_notice",
            "Makes a delivery due now, whatever became of the notice before.",
            ONE_NOTIFICATION,
            resend,
        )
        .or(&[NO_NOTIFICATION, ON_THE_WAY]),
        Route::post(
            "notices/{notify_id}/give_up",
            "give_up_notice",
            "Ends the repeats of a notice that waits for one.",
            ONE_NOTIFICATION,
            give_up,
        )
        .or(&[NO_NOTIFICATION, (409, "The notice does not wait for a delivery.")]),
    ],
};

pub(super) const WARNINGS: Room = Room {
    name: "warnings",
    about: "What the gateway noticed and did not say on the wire.",
    routes: &[Route::get(
        "warnings",
        "list_warnings",
        "What was noticed, the oldest first; the 10000 latest are kept.",
        REMARKS,
        |simulation, _| Ok(Answer::shown(simulation.gateway.warnings().collect::<Vec<_>>())),
    )],
};

const NO_NOTIFICATION: (u16, &str) = (404, "There is no such notice.");
const ON_THE_WAY: (u16, &str) = (409, "The notice is on its way.");
const FILTERS: &[Field] = &[
    may("out_trade_no", Kind::Text(1, 64, ""), "About this number of the merchant's alone."),
    may("mchid", Kind::Text(1, 32, DIGITS), "To this merchant alone; in the first generation its partner."),
    may("state", Kind::OneOf(states), "Those that stand there alone."),
];

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    let query = &call.query;
    let (number, mchid, state) = (query.text("out_trade_no"), query.text("mchid"), query.text("state"));
    let is_wanted = |notification: &NotificationRecord| {
        number.is_none_or(|number| notification.out_trade_no == number)
            && mchid.is_none_or(|mchid| notification.mchid == mchid)
            && state.is_none_or(|state| notification.state.as_str() == state)
    };
    Answer::shown(simulation.gateway.notifications().into_iter().filter(is_wanted).collect::<Vec<_>>())
}

fn find(simulation: &Simulation, call: &Call<'_>) -> Result<NotificationRecord, Problem> {
    let id: NotifyId = call.path.named("notify_id")?;
    let found =
        simulation.gateway.notifications().into_iter().find(|notification| notification.notify_id == id);
    found.ok_or_else(|| Problem::unknown("notice"))
}

fn resend(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let notification = find(simulation, call)?;
    let sent = simulation.gateway.resend_notification(&notification.notify_id, call.now);
    sent.map(Answer::shown).ok_or_else(|| not_now(notification.state))
}

fn give_up(simulation: &mut Simulation, call: &Call<'_>) -> Result<Answer, Problem> {
    let notification = find(simulation, call)?;
    let ended = simulation.gateway.give_up_notification(&notification.notify_id);
    ended.map(Answer::shown).ok_or_else(|| not_now(notification.state))
}

fn not_now(state: NotificationState) -> Problem {
    Problem::conflict("the notice does not allow this now", &format!("the notice is {}", state.as_str()))
}
