//! The first generation's access tokens.

use super::{
    clock,
    route::{Room, Route},
};

pub(super) const ROOM: Room = Room {
    name: "tokens",
    about: "The first generation's access tokens.",
    routes: &[
        Route::post(
            "tokens/expire",
            "expire_tokens",
            "Every token's time is over.",
            clock::CLOCK,
            |simulation, call| {
                simulation.gateway.expire_tokens(call.now);
                Ok(clock::shown(simulation, call))
            },
        ),
        Route::post(
            "tokens/replace",
            "replace_tokens",
            "Somebody else fetches a token for every app: the ones in use are replaced.",
            clock::CLOCK,
            |simulation, call| {
                simulation.gateway.replace_tokens(call.now);
                Ok(clock::shown(simulation, call))
            },
        ),
    ],
};
