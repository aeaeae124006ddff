//! Everything that takes part in a demo: gateway, taps, payment server, shop.

use super::{shop::Shop, tap::Tap};
use crate::{Failure, args::DemoApi, dev::Dev, serve::start_failure, server_settings};
use wxpay_server::{Running, Server, settings::Sources};

pub(super) struct Stage {
    pub(super) dev: Dev,
    /// Calls of the payment server to the gateway.
    pub(super) calls: Tap,
    /// Notifications of the gateway to the payment server.
    pub(super) notifications: Tap,
    pub(super) shop: Shop,
    server: Running,
}

impl Stage {
    /// Starts everything on free loopback ports, with merchant `default` of one API version.
    pub(super) async fn start(api: DemoApi) -> Result<Self, Failure> {
        let dev = Dev::start().await?;
        let (calls, notifications) = (Tap::start().await?, Tap::start().await?);
        calls.forward_to(dev.simulator.url());
        let sources = dev.add_to(Sources::default(), calls.url(), &dev.database(), Some(api))?;
        let sources =
            sources.flag("listen=127.0.0.1:0").flag(&format!("public_base_url={}", notifications.url()));
        let server = Server::start(server_settings::check(sources)?).await;
        let server = server.map_err(|error| start_failure(&error))?;
        let api_key = server.create_api_key("demo").await.map_err(|error| start_failure(&error))?;
        notifications.forward_to(server.url());
        let shop = Shop::new(server.url(), dev.simulator.url(), api_key);
        Ok(Self { dev, calls, notifications, shop, server })
    }

    /// Shuts the server down.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        expect(self.server.shutdown().await, "the server must shut down cleanly")
    }
}

pub(super) fn expect(condition: bool, rule: &str) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::failed(rule)) }
}
