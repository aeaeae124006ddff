//! `wxpay certify`: grades a shop from outside, against a simulated gateway.

mod process;

use crate::{Failure, args, failure::Kind, input, output, sim};
use process::Process;
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tokio::net::TcpStream;
use wxpay_certify::{Certifier, CertifyError, Check, Report, Shop, Verdict};
use wxpay_proto::secret::Secret;
use wxpay_sim::control::Access;

/// Interval between two attempts to connect to the shop.
const CONNECT_INTERVAL: Duration = Duration::from_millis(50);

pub(crate) async fn run(args: args::Certify) -> Result<(), Failure> {
    let shop = shop(&args)?;
    let checks = checks(&args.check)?;
    let address = address(&args.target)?;
    let folder = folder(args.env_file.as_deref())?;
    if args.start.is_none() && args.env_file.is_none() {
        return Err(Failure::usage(
            "without --start, --env-file is required: the shop must run with the environment in this file",
        ));
    }
    if args.start.is_some() && TcpStream::connect(&address).await.is_ok() {
        return Err(Failure::usage(format_args!(
            "--start: something answers at {address} already; stop it, or leave --start out"
        )));
    }
    let shutdown = crate::shutdown_signal()?;
    let certifier = certifier(&args, &folder).await?;
    let environment = certifier.environment().with_notify_url(shop.notify_url(&args.target));
    let keys = folder.path();
    let cannot_write = |path: &Path| Failure::doing(format!("cannot write {}", input::shown(path)));
    let environment = environment.files(keys).map_err(cannot_write(keys))?;
    if let Some(file) = &args.env_file {
        environment.write(file).map_err(cannot_write(file))?;
        if args.start.is_none() {
            let file = input::shown(file);
            output::note(format_args!(
                "start the shop with the environment of {file}; waiting for {address}"
            ));
        }
    }
    let process = args.start.as_deref().map(|command| Process::start(command, environment.variables()));
    let mut process = process.transpose()?;
    let grading = async {
        wait_for(&address, Duration::from_secs(args.wait), process.as_mut()).await?;
        grade(&certifier, &args, &shop, &checks).await
    };
    let graded = tokio::select! {
        graded = grading => graded,
        stopped = shutdown => {
            stopped.and_then(|()| Err(Failure::failed("interrupted: the shop was not graded")))
        }
    };
    if let Some(process) = process {
        process.stop().await;
    }
    verdict(&graded?)
}

async fn grade(
    certifier: &Certifier,
    args: &args::Certify,
    shop: &Shop,
    checks: &[Check],
) -> Result<Report, Failure> {
    let mut printed = Ok(());
    let report = certifier.run(&args.target, shop, checks, |finding| {
        if !args.json && printed.is_ok() {
            printed = output::bytes(finding.text().as_bytes());
        }
    });
    let report = report.await.map_err(cannot_run)?;
    printed?;
    if args.json {
        output::json(&report.json())?;
    } else {
        output::line(report.summary())?;
    }
    Ok(report)
}

/// A shop that cannot be graded is a wrong argument or configuration: no check has failed.
#[allow(clippy::needless_pass_by_value, reason = "it maps an error")]
fn cannot_run(error: CertifyError) -> Failure {
    Failure::usage(error)
}

fn verdict(report: &Report) -> Result<(), Failure> {
    let (failed, not_checked) = (report.count(Verdict::Fail), report.count(Verdict::NotChecked));
    let all = report.findings.len();
    if failed > 0 {
        return Err(Failure::failed(format_args!("{failed} of {all} checks failed")));
    }
    if not_checked > 0 {
        let message = format!(
            "{not_checked} of {all} checks could not be made; complete the shop file, or select checks with --check"
        );
        return Err(Failure::new(Kind::Incomplete, message));
    }
    Ok(())
}

fn shop(args: &args::Certify) -> Result<Shop, Failure> {
    let variable = |name: &str| env::var(name).ok();
    let parsed = match (&args.profile, &args.shop) {
        (Some(name), _) => Shop::profile(name, variable),
        (None, Some(path)) => {
            let file = input::file("--shop", path)?;
            Some(Shop::parse(file.expose(), variable))
        }
        (None, None) => None,
    };
    let parsed = parsed.ok_or_else(|| Failure::usage("--shop or --profile is required"))?;
    parsed.map_err(|invalid| match &args.shop {
        Some(path) => Failure::usage(format_args!("--shop: {}: {invalid}", input::shown(path))),
        None => Failure::usage(format_args!("--profile: {invalid}")),
    })
}

fn checks(ids: &[String]) -> Result<Vec<Check>, Failure> {
    if ids.is_empty() {
        return Ok(Check::ALL.to_vec());
    }
    let known = || Check::ALL.iter().map(|check| check.id()).collect::<Vec<_>>().join(", ");
    let check = |id: &String| {
        let check = Check::from_id(id);
        check.ok_or_else(|| {
            Failure::usage(format_args!("--check: unknown check {id:?}; the checks are {}", known()))
        })
    };
    ids.iter().map(check).collect()
}

/// Returns host and port of a URL.
fn address(target: &str) -> Result<String, Failure> {
    let invalid = || Failure::usage(format_args!("--target: {}", CertifyError::InvalidTarget));
    let uri: hyper::Uri = target.parse().map_err(|_| invalid())?;
    let default_port = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        Some(_) | None => return Err(invalid()),
    };
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
    Ok(format!("{host}:{}", uri.port_u16().unwrap_or(default_port)))
}

/// The folder of keys and certificates.
enum Folder {
    Given(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }
}

/// Returns the folder beside the file of the environment, as `wxpay sim` does, or a temporary one.
fn folder(env_file: Option<&Path>) -> Result<Folder, Failure> {
    let Some(file) = env_file else {
        let folder = tempfile::tempdir().map_err(Failure::doing("cannot create a temporary folder"))?;
        return Ok(Folder::Temporary(folder));
    };
    input::require_parent("--env-file", file)?;
    let mut name = OsString::from(file);
    name.push(".d");
    Ok(Folder::Given(name.into()))
}

/// Starts the gateway. Its control interface requires a token that nobody has: the shop must not see it.
async fn certifier(args: &args::Certify, folder: &Folder) -> Result<Certifier, Failure> {
    let saved = match folder {
        Folder::Given(path) => Some(path.as_path()),
        Folder::Temporary(_) => None,
    };
    let gateway = sim::saved_gateway(saved, Certifier::settings())?;
    let token = format!("{:016x}{:016x}", sim::random()?, sim::random()?);
    let access = Access::default().with_token(Secret::new(token)).map_err(|error| Failure::error(&error))?;
    let listener = crate::listener(args.listen).await?;
    let options = sim::with_notify_cas(&args.notify_ca)?.with_access(access);
    let certifier = Certifier::start_with(listener, gateway, options);
    let certifier = certifier.map_err(Failure::doing("cannot start the simulated gateway"))?;
    Ok(match &args.base_url {
        Some(url) => certifier.with_base_url(url.trim_end_matches('/').to_owned()),
        None => certifier,
    })
}

/// Waits until the shop accepts a connection.
async fn wait_for(address: &str, limit: Duration, mut process: Option<&mut Process>) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        if let Some(status) = process.as_mut().and_then(|process| process.status()) {
            return Err(Failure::usage(format_args!(
                "--start: the command ended ({status}) before {address} answered"
            )));
        }
        if began.elapsed() >= limit {
            let seconds = limit.as_secs();
            return Err(Failure::usage(format_args!(
                "the shop does not answer at {address} within {seconds} s; correct --target, start it, or raise --wait"
            )));
        }
        tokio::time::sleep(CONNECT_INTERVAL).await;
    }
}
