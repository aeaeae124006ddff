//! Routes of notifications, their deliveries, and warnings.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, optional},
    page::{BY_POSITION, LINK, page},
    problem::Problem,
    records::notification::{NOTIFICATION, NOTIFICATIONS, WARNING_RECORDS, states},
    route::{Route, RouteGroup},
};
use crate::notifications::{NotificationRecord, NotificationState};
use wxpay_proto::id::NotifyId;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "notifications",
    description: "Notifications to merchants, of both API versions.",
    routes: &[
        Route::get(
            "notifications",
            "list_notifications",
            "Lists the notifications and their deliveries.",
            NOTIFICATIONS,
            |simulation, call| Ok(list(simulation, call)),
        )
        .with_query(FILTERS)
        .paged(BY_POSITION)
        .with_response_headers(LINK),
        Route::get(
            "notifications/{notify_id}",
            "show_notification",
            "Returns one notification.",
            NOTIFICATION,
            |simulation, call| find(simulation, call).map(ControlResponse::json),
        )
        .with_problems(&[NOTIFICATION_NOT_FOUND]),
        Route::post(
            "notifications/{notify_id}/resend",
            "resend_notification",
            "Makes a delivery due now, even if the notification was accepted or stopped.",
            NOTIFICATION,
            resend,
        )
        .with_problems(&[NOTIFICATION_NOT_FOUND, IN_PROGRESS]),
        Route::post(
            "notifications/{notify_id}/cancel",
            "cancel_notification",
            "Cancels the remaining deliveries of a notification that is WAITING.",
            NOTIFICATION,
            cancel,
        )
        .with_problems(&[NOTIFICATION_NOT_FOUND, (409, "The notification is not WAITING.")]),
    ],
};

pub(super) const WARNINGS: RouteGroup = RouteGroup {
    name: "warnings",
    description: "Observations of the gateway that its replies do not contain.",
    routes: &[Route::get(
        "warnings",
        "list_warnings",
        "Lists the warnings, oldest first; the latest 10000 are kept.",
        WARNING_RECORDS,
        |simulation, call| {
            let after = call.query.text("after").and_then(|after| after.parse().ok()).unwrap_or_default();
            Ok(page(call, simulation.gateway.warnings.after(after), |_| true))
        },
    )
    .paged(BY_POSITION)
    .with_response_headers(LINK)],
};

const NOTIFICATION_NOT_FOUND: (u16, &str) = (404, "The notification does not exist.");
const IN_PROGRESS: (u16, &str) = (409, "A delivery is in progress.");
const FILTERS: &[Field] = &[
    optional(
        "out_trade_no",
        Kind::Text(1, 64, ""),
        "Only notifications about this merchant-assigned number.",
    ),
    optional(
        "mchid",
        Kind::Text(1, 32, DIGITS),
        "Only notifications to this merchant: mchid, or partner for APIv1.",
    ),
    optional("state", Kind::Enum(states), "Only notifications in this state."),
];

fn list(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let query = &call.query;
    let (number, mchid, state) = (query.text("out_trade_no"), query.text("mchid"), query.text("state"));
    let matches = |notification: &NotificationRecord| {
        mchid.is_none_or(|mchid| notification.mchid == mchid)
            && state.is_none_or(|state| notification.state.as_str() == state)
    };
    let after = query.text("after").and_then(|after| after.parse().ok()).unwrap_or_default();
    let notifications = &simulation.gateway.notifications;
    match number {
        Some(number) => page(call, notifications.records_of_number(number, after), matches),
        None => page(call, notifications.records_after(after), matches),
    }
}

fn find(simulation: &Simulation, call: &Call<'_>) -> Result<NotificationRecord, Problem> {
    let id: NotifyId = call.path.required("notify_id")?;
    simulation.gateway.notification(&id).ok_or_else(|| Problem::not_found("notification"))
}

fn resend(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let notification = find(simulation, call)?;
    let resent = simulation.gateway.resend_notification(&notification.notify_id, call.now.business);
    resent.map(ControlResponse::json).ok_or_else(|| wrong_state(notification.state))
}

fn cancel(simulation: &mut Simulation, call: &Call<'_>) -> Result<ControlResponse, Problem> {
    let notification = find(simulation, call)?;
    let cancelled = simulation.gateway.cancel_notification(&notification.notify_id);
    cancelled.map(ControlResponse::json).ok_or_else(|| wrong_state(notification.state))
}

fn wrong_state(state: NotificationState) -> Problem {
    let detail = format!("the notification is {}", state.as_str());
    Problem::conflict("the notification's state does not allow this", &detail)
}
