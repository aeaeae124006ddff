//! Routes of APIv1 access tokens.

use super::{
    clock,
    route::{Route, RouteGroup},
};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "tokens",
    description: "APIv1 access tokens.",
    routes: &[
        Route::post(
            "tokens/expire",
            "expire_tokens",
            "Makes every access token expire.",
            clock::CLOCK,
            |simulation, call| {
                simulation.gateway.expire_tokens(call.now.business);
                Ok(clock::show(simulation, call))
            },
        ),
        Route::post(
            "tokens/replace",
            "replace_tokens",
            "Fetches a token for every app as another client, which replaces the tokens in use.",
            clock::CLOCK,
            |simulation, call| {
                simulation.gateway.replace_tokens(call.now.business);
                Ok(clock::show(simulation, call))
            },
        ),
    ],
};
