//! Routes of notifications, their deliveries, and warnings.

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
    name: "notifications",
    about: "Notifications to merchants, of both API versions.",
    routes: &[
        Route::get(
            "notifications",
            "list_notifications",
            "Lists the notifications and their deliveries.",
            NOTIFICATIONS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .asking(FILTERS),
        Route::get(
            "notifications/{notify_id}",
            "show_notification",
            "Returns one notification.",
            ONE_NOTIFICATION,
            |simulation, call| find(simulation, call).map(Answer::shown),
        )
        .or(&[NO_NOTIFICATION]),
        Route::post(
            "notifications/{notify_id}/resend",
            "resend_notification",
            "Makes a delivery due now, even if the notification was accepted or stopped.",
            ONE_NOTIFICATION,
            resend,
        )
        .or(&[NO_NOTIFICATION, ON_THE_WAY]),
        Route::post(
            "notifications/{notify_id}/cancel",
            "cancel_notification",
            "Cancels the remaining deliveries of a notification that is WAITING.",
            ONE_NOTIFICATION,
            give_up,
        )
        .or(&[NO_NOTIFICATION, (409, "The notification is not WAITING.")]),
    ],
};

pub(super) const WARNINGS: Room = Room {
    name: "warnings",
    about: "Observations of the gateway that its replies do not contain.",
    routes: &[Route::get(
        "warnings",
        "list_warnings",
        "Lists the warnings, oldest first; the latest 10000 are kept.",
        REMARKS,
        |simulation, _| Ok(Answer::shown(simulation.gateway.warnings().collect::<Vec<_>>())),
    )],
};

const NO_NOTIFICATION: (u16, &str) = (404, "The notification does not exist.");
const ON_THE_WAY: (u16, &str) = (409, "A delivery is in progress.");
const FILTERS: &[Field] = &[
    may("out_trade_no", Kind::Text(1, 64, ""), "Only notifications about this merchant-assigned number."),
    may(
        "mchid",
        Kind::Text(1, 32, DIGITS),
        "Only notifications to this merchant: mchid, or partner for APIv1.",
    ),
    may("state", Kind::OneOf(states), "Only notifications in this state."),
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
    found.ok_or_else(|| Problem::unknown("notification"))
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
    let detail = format!("the notification is {}", state.as_str());
    Problem::conflict("the notification's state does not allow this", &detail)
}
