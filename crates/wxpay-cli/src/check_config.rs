//! `wxpay check-config`: the settings of the payment server.

use crate::{
    Failure, args, output,
    server_settings::{self, Options},
};
use serde_json::json;
use wxpay_server::settings::{MerchantSummary, Sources, Summary, sample};

pub(crate) fn run(args: &args::CheckConfig) -> Result<(), Failure> {
    if args.sample {
        return output::with_line_break(sample().as_bytes());
    }
    let settings =
        server_settings::check(Options::of_ledger(&args.sources).add_to(Sources::default(), true)?)?;
    let summary = settings.summary();
    if args.json {
        return output::json(&json!({ "settings": summary, "warnings": settings.warnings() }));
    }
    for warning in settings.warnings() {
        output::note(format_args!("warning: {warning}"));
    }
    for (name, value) in lines(&summary) {
        output::line(format_args!("{name:<18}{value}"))?;
    }
    Ok(())
}

/// Returns names and values of the settings that would be served.
fn lines(summary: &Summary) -> Vec<(&'static str, String)> {
    let or = |value: &Option<String>, otherwise: &str| value.clone().unwrap_or_else(|| otherwise.to_owned());
    let mut lines = vec![
        ("listen", summary.listen.to_string()),
        ("metrics", summary.metrics_listen.map_or_else(|| "on listen".to_owned(), |on| on.to_string())),
        ("database", summary.database.clone()),
        ("redis", or(&summary.redis, "not used")),
        ("public URL", or(&summary.public_base_url, "none: only a gateway on this machine can notify")),
        ("gateway", or(&summary.gateway_base_url, "WeChat Pay")),
        ("log format", if summary.logs_as_json { "json".to_owned() } else { "text".to_owned() }),
        ("sealing key", if summary.has_sealing_key { "set".to_owned() } else { "not set".to_owned() }),
    ];
    if summary.merchants.is_empty() {
        lines.push(("merchants", "none in the settings".to_owned()));
    }
    for merchant in &summary.merchants {
        lines.push(("merchant", described(merchant)));
        if let Some(base) = &summary.public_base_url {
            let url = format!("{}/notify/{}/…", base.trim_end_matches('/'), merchant.merchant);
            lines.push(("  notifications", url));
        }
    }
    lines
}

fn described(merchant: &MerchantSummary) -> String {
    let mut parts = vec![merchant.merchant.clone()];
    if let Some(mchid) = &merchant.mchid {
        let kind = if merchant.partner { "partner" } else { "merchant" };
        parts.push(format!("APIv3 {kind} {mchid}"));
        parts.extend(merchant.serial_no.as_ref().map(|serial| format!("certificate {serial}")));
        parts.push(format!("apps {}", merchant.apps.join(" ")));
        parts.extend(merchant.public_key_id.clone());
        if merchant.platform_certificates || merchant.public_key_id.is_none() {
            parts.push("platform certificates".to_owned());
        }
    }
    if let (Some(appid), Some(partner)) = (&merchant.v1_appid, &merchant.v1_partner) {
        parts.push(format!("APIv1 app {appid} of {partner}"));
    }
    parts.join(", ")
}
