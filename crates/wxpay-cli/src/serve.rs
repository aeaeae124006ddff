//! `wxpay serve`: the payment server.

use crate::{
    Failure, args,
    dev::Dev,
    failure::{Kind, with_causes},
    logs, output,
    server_settings::{self, Options},
};
use std::path::{Path, PathBuf};
use wxpay_proto::secret::Secret;
use wxpay_server::{Running, Server, Settings, StartError, settings::Sources};

pub(crate) async fn run(args: args::Serve) -> Result<(), Failure> {
    let dev = if args.dev { Some(Dev::start().await?) } else { None };
    let settings = settings(&args, dev.as_ref())?;
    let logs = logs::start(settings.summary().logs_as_json)?;
    let server = Server::start(settings).await.map_err(|error| start_failure(&error))?;
    let ready = Ready {
        url: server.url(),
        simulator: dev.as_ref().map(|dev| dev.simulator.url()),
        api_key: match &dev {
            Some(_) => Some(server.create_api_key("dev").await.map_err(|error| start_failure(&error))?),
            None => None,
        },
    };
    let shutdown = crate::shutdown_signal()?;
    let reloading = reload_on_hangup(&args, dev.as_ref(), &server)?;
    if args.dev && !args.json {
        ready.explain()?;
    } else {
        output::line(ready.json())?;
    }
    tokio::select! {
        biased;
        ended = shutdown => ended?,
        () = reloading => {}
    }
    let is_complete = server.shutdown().await;
    logs.finish();
    if is_complete {
        Ok(())
    } else {
        Err(Failure::failed("the shutdown timed out: requests were still active"))
    }
}

/// Returns the failure of a server or a ledger that does not start.
pub(crate) fn start_failure(error: &StartError) -> Failure {
    let kind = if error.is_configuration() { Kind::Usage } else { Kind::Failed };
    Failure::new(kind, with_causes(error))
}

/// Gathers the settings of `--dev`, the file, the environment and the options; a later source overrides an earlier one.
fn settings(args: &args::Serve, dev: Option<&Dev>) -> Result<Settings, Failure> {
    let options = Options {
        sources: &args.sources,
        listen: args.listen.as_deref(),
        public_base_url: args.public_base_url.as_deref(),
    };
    let sources = match dev {
        Some(dev) => {
            let given = args.sources.database.as_deref();
            let database = given.map_or_else(|| dev.database(), |text| PathBuf::from(sqlite_path(text)));
            dev.add_to(Sources::default(), &dev.simulator.url(), Path::new(&database), None)?
        }
        None => Sources::default(),
    };
    server_settings::check(options.add_to(sources, dev.is_none())?)
}

/// Returns the path in a setting `database`.
fn sqlite_path(text: &str) -> &str {
    text.strip_prefix("sqlite:").unwrap_or(text)
}

/// Handles SIGHUP from now on: the returned future reads the settings again each time, and never ends. Settings that are
/// invalid are reported, and the previous ones stay.
#[cfg(unix)]
fn reload_on_hangup<'a>(
    args: &'a args::Serve,
    dev: Option<&'a Dev>,
    server: &'a Running,
) -> Result<impl Future<Output = ()> + 'a, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::doing("cannot handle signals"))?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            let reloaded = settings(args, dev)
                .and_then(|settings| server.reload(settings).map_err(|error| start_failure(&error)));
            match reloaded {
                Ok(()) => output::note("SIGHUP: the settings were read again"),
                Err(failure) => {
                    output::note(format_args!("SIGHUP: the previous settings stay: {failure}"));
                }
            }
        }
        std::future::pending::<()>().await;
    })
}

#[cfg(not(unix))]
fn reload_on_hangup<'a>(
    _args: &'a args::Serve,
    _dev: Option<&'a Dev>,
    _server: &'a Running,
) -> Result<impl Future<Output = ()> + 'a, Failure> {
    Ok(std::future::pending())
}

/// The addresses of a server that is ready, and with `--dev` an API key.
struct Ready {
    url: String,
    simulator: Option<String>,
    api_key: Option<Secret<String>>,
}

impl Ready {
    /// Returns the line for programs.
    fn json(&self) -> String {
        let mut members = vec![("ready", serde_json::json!(true)), ("url", self.url.as_str().into())];
        members.extend(self.simulator.as_deref().map(|url| ("simulator", url.into())));
        members.extend(self.api_key.as_ref().map(|key| ("api_key", key.expose().as_str().into())));
        // In this order, which a map would not keep.
        let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    /// Prints for people what to do next.
    fn explain(&self) -> Result<(), Failure> {
        let (url, simulator) = (&self.url, self.simulator.as_deref().unwrap_or_default());
        let api_key = self.api_key.as_ref().map_or("", |key| key.expose().as_str());
        output::line(format_args!(
            "\
The payment server listens on {url}, with a simulated WeChat Pay at {simulator}.
Everything is thrown away when it ends, unless --database names a ledger. In another terminal:

  export KEY={api_key}

1. Place an order:

  curl -s {url}/api/orders -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
    -d '{{\"channel\":\"native\",\"out_trade_no\":\"ORDER-1\",\"description\":\"千足金箍棒\",\"amount\":{{\"total\":1999}}}}'

2. Pay it as the payer. WeChat Pay notifies the server:

  curl -s -X POST {simulator}/_sim/v1/orders/ORDER-1/pay

3. See the order, and the events that a shop receives:

  curl -s {url}/api/orders/ORDER-1 -H \"Authorization: Bearer $KEY\"
  curl -s {url}/api/events -H \"Authorization: Bearer $KEY\"

4. Refund it:

  curl -s {url}/api/orders/ORDER-1/refunds -H \"Authorization: Bearer $KEY\" -H 'Content-Type: application/json' \\
    -d '{{\"out_refund_no\":\"REFUND-1\",\"amount\":{{\"refund\":1999}}}}'

The whole interface: {url}/docs. Ctrl-C ends the server."
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_has_the_members_that_are_known_in_a_fixed_order() {
        let mut ready = Ready { url: "http://127.0.0.1:1".into(), simulator: None, api_key: None };
        assert_eq!(ready.json(), r#"{"ready":true,"url":"http://127.0.0.1:1"}"#);
        ready.simulator = Some("http://127.0.0.1:2".into());
        ready.api_key = Some(Secret::new("wxk_1".into()));
        assert_eq!(
            ready.json(),
            r#"{"ready":true,"url":"http://127.0.0.1:1","simulator":"http://127.0.0.1:2","api_key":"wxk_1"}"#
        );
    }
}
