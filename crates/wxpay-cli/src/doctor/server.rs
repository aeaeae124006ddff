//! The settings of the payment server, and its dependencies.

use super::{Report, ensure, keys, now};
use crate::{Failure, args, failure::with_causes, input, server_settings::Options};
use std::{
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};
use wxpay_proto::{
    UnixTime,
    crypto::{Certificate, pem},
};
use wxpay_server::{
    Console, Settings,
    settings::{MerchantSummary, Probe, Sources, Summary},
};

/// Difference to WeChat Pay's clock from which a server is not ready.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(2);
/// Difference that leaves no doubt: the header `Date` has whole seconds, and the reply takes time.
const WARN_CLOCK_SKEW: Duration = Duration::from_secs(1);
/// Time for writing to the disk from which each payment waits noticeably.
const SLOW_SYNC: Duration = Duration::from_millis(100);

pub(super) async fn check(args: &args::Doctor, report: &mut Report) -> Result<(), Failure> {
    let sources = Options::of_ledger(&args.sources).add_to(Sources::default(), true)?;
    let settings = match sources.check() {
        Ok(settings) => settings,
        Err(error) => {
            for setting in error.settings() {
                report.push("settings", Err(setting.to_string()));
            }
            return Ok(());
        }
    };
    report.push("settings", Ok("valid: keys, certificates and serial numbers fit together".to_owned()));
    for warning in settings.warnings() {
        report.warn("settings", warning);
    }
    let summary = settings.summary();
    summary.merchants.iter().for_each(|merchant| check_merchant(merchant, report));
    check_notify_url(&summary, report);
    if let Some(file) = &summary.database_file {
        check_disk(file, report);
    }
    if !args.offline {
        check_gateway(&settings, report).await;
        check_redis(&settings, &summary, report).await;
    }
    check_ledger(settings, &summary, report).await;
    Ok(())
}

/// Checks the certificates of a merchant. That its private key, serial number and certificate fit together was checked
/// with the settings.
fn check_merchant(merchant: &MerchantSummary, report: &mut Report) {
    let check = |what: &str| format!("{}: {what}", merchant.merchant);
    let certificate =
        merchant.certificate.as_ref().and_then(|pem| Certificate::parse_pem(pem.as_bytes()).ok());
    if let Some(certificate) = &certificate {
        report.dates(check("certificate"), certificate);
        let named = certificate.common_name().unwrap_or("no merchant");
        let mchid = merchant.mchid.as_deref().unwrap_or_default();
        let result = if named == mchid {
            Ok(format!("{mchid}, equal to the certificate's"))
        } else {
            Err(format!("mchid is {mchid}, but the certificate belongs to {named}"))
        };
        report.push(check("mchid"), result);
    } else if let (Some(mchid), Some(serial)) = (&merchant.mchid, &merchant.serial_no) {
        let message = format!("no certificate to compare mchid {mchid} and serial number {serial} with");
        report.warn(check("certificate"), message);
    }
    let own = certificate.as_ref().map(Certificate::spki);
    let is_own = |spki: &[u8]| own == Some(spki);
    if let Some(spki) = merchant.public_key.as_ref().and_then(|text| pem::public_key(text.as_bytes()).ok()) {
        let id = merchant.public_key_id.as_deref().unwrap_or_default();
        let no = "must be WeChat Pay's, but is the merchant's own";
        report.push(check("public key"), ensure(!is_own(&spki), id, no));
    }
    for text in &merchant.trusted_certificates {
        let Ok(platform) = Certificate::parse_pem(text.as_bytes()) else { continue };
        report.dates(check("platform certificate"), &platform);
        if is_own(platform.spki()) {
            let message = "must be WeChat Pay's, but is the merchant's own";
            report.push(check("platform certificate"), Err(message.to_owned()));
        }
    }
}

fn check_notify_url(summary: &Summary, report: &mut Report) {
    match &summary.public_base_url {
        None => {
            report
                .warn("notify URL", "public_base_url is not set: only a gateway on this machine can notify");
        }
        Some(base) => {
            // The merchants of the ledger have theirs under the same base.
            let merchant = summary.merchants.first().map_or("default", |merchant| &merchant.merchant);
            let url = format!("{}/notify/{merchant}/payment", base.trim_end_matches('/'));
            report.push("notify URL", keys::notify_url("public_base_url", &url));
        }
    }
}

/// Writes a file beside the ledger and waits until it is on the disk.
fn check_disk(database: &Path, report: &mut Report) {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let began = Instant::now();
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.as_file().sync_all()
    });
    let (shown, took) = (input::shown(folder), began.elapsed());
    match written {
        Ok(()) if took > SLOW_SYNC => {
            report.warn(
                "disk",
                format!("{shown}: writing took {} ms: payments will wait for it", took.as_millis()),
            );
        }
        Ok(()) => report.push("disk", Ok(format!("{shown}: written and synced in {} ms", took.as_millis()))),
        Err(error) => report.push("disk", Err(format!("cannot write in {shown}: {error}"))),
    }
}

/// Opens the ledger, if there is one.
async fn check_ledger(settings: Settings, summary: &Summary, report: &mut Report) {
    let shown = &summary.database;
    if summary.database_file.as_ref().is_some_and(|file| !file.exists()) {
        report.push("ledger", Ok(format!("{shown} does not exist; the server creates it")));
        return;
    }
    match Console::open(settings).await {
        Ok(console) => {
            report.push("ledger", Ok(format!("{shown} can be opened by this version")));
            match console.check_secrets().await {
                Ok((0, _)) => {}
                Ok((count, faults)) if faults.is_empty() => {
                    report.push("stored secrets", Ok(format!("all {count} can be opened")));
                }
                Ok((_, faults)) => {
                    for fault in faults {
                        report.push("stored secrets", Err(fault));
                    }
                }
                Err(error) => report.push("stored secrets", Err(with_causes(&error))),
            }
            console.close().await;
        }
        Err(error) => report.push("ledger", Err(with_causes(&error))),
    }
}

/// Sends a signed request for each merchant.
async fn check_gateway(settings: &Settings, report: &mut Report) {
    let probes = settings.probe().await;
    if probes.is_empty() {
        report.warn("gateway", "no merchant of APIv3: WeChat Pay was not called");
    }
    for probe in probes {
        report_gateway(&probe, report);
        if let Some(date) = probe.date {
            report_clock(&probe.merchant, date, now(), report);
        }
    }
}

/// Checks Redis, if it is used. The server runs without it, but a wrong setting is not noticed by anybody then.
async fn check_redis(settings: &Settings, summary: &Summary, report: &mut Report) {
    let Some(probed) = settings.probe_redis().await else { return };
    let url = summary.redis.as_deref().unwrap_or_default();
    report.push(
        "redis",
        probed.map(|took| format!("{url} answered in {} ms; access tokens can be shared", took.as_millis())),
    );
}

fn report_gateway(probe: &Probe, report: &mut Report) {
    let check = format!("{}: gateway", probe.merchant);
    let millis = probe.duration.as_millis();
    match (&probe.failure, probe.status) {
        (None, _) => report.push(check, Ok(format!("reached in {millis} ms; it accepts the signature"))),
        (Some(failure), Some(status)) => {
            report.push(check, Err(format!("reached in {millis} ms, with status {status}: {failure}")));
        }
        (Some(failure), None) => report.push(check, Err(format!("not reached: {failure}"))),
    }
}

fn report_clock(merchant: &str, theirs: UnixTime, ours: UnixTime, report: &mut Report) {
    let check = format!("{merchant}: clock");
    // The header has whole seconds: half of one more is as likely as half of one less.
    let theirs = theirs.after(Duration::from_millis(500));
    let (skew, word) =
        if ours > theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    let message = format!(
        "{}.{} s {word} WeChat Pay's",
        skew.as_secs(),
        skew.subsec_millis().checked_div(100).unwrap_or_default()
    );
    if skew > MAX_CLOCK_SKEW {
        report.push(check, Err(format!("{message}: synchronise it, such as by chrony")));
    } else if skew > WARN_CLOCK_SKEW {
        report.warn(check, message);
    } else {
        report.push(check, Ok(message));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Status, *};

    #[test]
    fn a_clock_that_is_off_by_more_than_two_seconds_fails() {
        let ours = UnixTime::from_secs(1_780_000_000);
        let status = |theirs: UnixTime| {
            let mut report = Report::new(ours);
            report_clock("shop", theirs, ours, &mut report);
            report.lines.pop().map(|line| line.status)
        };
        let second = Duration::from_secs(1);
        assert!(status(ours) == Some(Status::Ok));
        assert!(status(ours.before(second)) == Some(Status::Ok));
        assert!(status(ours.before(second * 2)) == Some(Status::Warn));
        assert!(status(ours.before(second * 3)) == Some(Status::Fail));
        assert!(status(ours.after(second * 2)) == Some(Status::Fail));
    }

    #[test]
    fn a_folder_that_cannot_be_written_fails() {
        let mut report = Report::new(UnixTime::EPOCH);
        check_disk(Path::new("/proc/nowhere/ledger.db"), &mut report);
        let folder = tempfile::tempdir().unwrap();
        check_disk(&folder.path().join("ledger.db"), &mut report);
        assert!(report.lines.first().is_some_and(|line| line.status == Status::Fail));
        assert!(report.lines.last().is_some_and(|line| line.status != Status::Fail));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
}
