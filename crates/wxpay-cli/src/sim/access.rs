//! The access rules of the control interface, by the options.

use crate::{Failure, args, input, output};
use std::net::SocketAddr;
use wxpay_proto::secret::Secret;
use wxpay_sim::control::Access;

/// Returns the rules, and the token if it was made here and must be shown.
pub(super) fn rules(args: &args::Sim) -> Result<(Access, Option<Secret<String>>), Failure> {
    let access = args.control_host.iter().fold(Access::default(), |access, host| access.with_host(host));
    if let Some(path) = &args.control_token_file {
        let option = "--control-token-file";
        let token = input::key(option, path)?;
        let rule = |error| Failure::usage(format_args!("{option}: {error}"));
        return Ok((access.with_token(token).map_err(rule)?, None));
    }
    if args.listen.ip().is_loopback() {
        return Ok((access, None));
    }
    let token = format!("{:016x}{:016x}", super::random()?, super::random()?);
    let rules = access.with_token(Secret::new(token.clone())).map_err(|error| Failure::error(&error))?;
    Ok((rules, Some(Secret::new(token))))
}

/// Warns of a listener outside of loopback, and shows a token that was made here.
pub(super) fn warn(args: &args::Sim, address: SocketAddr, token: Option<&Secret<String>>) {
    if !args.listen.ip().is_loopback() {
        output::note(format_args!(
            "warning: {address} is not on loopback: other machines can reach this simulated gateway; \
             /_sim requires the control token"
        ));
    }
    if let Some(token) = token {
        output::note(format_args!(
            "control token, for Authorization: Bearer; set your own with --control-token-file: {}",
            token.expose()
        ));
    }
}
