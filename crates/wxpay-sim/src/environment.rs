//! The environment of a merchant's program, as `export NAME=value` lines, which points it at the simulator.
//!
//! | names | values |
//! |---|---|
//! | `WXPAY_BASE_URL` | the gateway's base URL |
//! | `WXPAY_MCHID`, `WXPAY_APPID`, `WXPAY_API_V3_KEY` | the APIv3 merchant |
//! | `WXPAY_NOTIFY_URL` | a URL on this machine, where the merchant's program may listen: port 8080 |
//! | `WXPAY_SERIAL_NO`, `WXPAY_PRIVATE_KEY_FILE`, `WXPAY_CERTIFICATE_FILE` | the serial number of its certificate, its private key, its certificate |
//! | `WXPAY_PLATFORM_SERIAL_NO`, `WXPAY_PLATFORM_CERTIFICATE_FILE`, `WXPAY_PLATFORM_PUBLIC_KEY_FILE` | the platform certificate and its public key |
//! | `WXPAY_PUBLIC_KEY_ID`, `WXPAY_PUBLIC_KEY_FILE` | the WeChat Pay public key |
//! | `WXPAY_TLS_CA_FILE` | the CA certificate to trust, if the gateway speaks TLS |
//! | `WXPAY_V1_APPID`, `WXPAY_V1_APP_SECRET`, `WXPAY_V1_PAY_SIGN_KEY`, `WXPAY_V1_PARTNER`, `WXPAY_V1_PARTNER_KEY` | the APIv1 app |
//!
//! Names that end in `_FILE` are paths of files, which [`Environment::files`] writes. Values that the merchant does not
//! have in its [mode](crate::merchant::KeyMode) are left out.

use crate::{credentials::Credentials, gateway::Gateway, keys::InvalidKey, merchant::Merchant};
use serde::Serialize;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};
use wxpay_proto::{UnixTime, id::MchId};

/// File name of the merchant's certificate.
const API_CERTIFICATE: &str = "apiclient_cert.pem";

/// File name of the platform certificate.
const PLATFORM_CERTIFICATE: &str = "platform_cert.pem";

/// The environment of a merchant's program. Write its [files](Self::files) before its [lines](Self::lines), which name
/// them.
#[derive(Clone, Debug)]
pub struct Environment {
    base_url: String,
    credentials: Credentials,
    merchant: Merchant,
    now: UnixTime,
    tls_ca: Option<String>,
    notify_url: Option<String>,
    files: Vec<(&'static str, String)>,
}

impl Environment {
    /// Creates the environment of the app and the merchant that the gateway was created with.
    pub fn of(gateway: &Gateway, base_url: &str, now: UnixTime) -> Self {
        let merchant =
            gateway.merchant_by_mchid(gateway.merchant().mchid()).unwrap_or_else(|| gateway.merchant());
        Self::with_merchant(gateway, merchant, base_url, now)
    }

    /// Creates the environment of the app that the gateway was created with and of any of its merchants. Returns `None`
    /// for an unknown merchant.
    pub fn of_merchant(gateway: &Gateway, mchid: &MchId, base_url: &str, now: UnixTime) -> Option<Self> {
        let merchant = gateway.merchant_by_mchid(mchid)?;
        Some(Self::with_merchant(gateway, merchant, base_url, now))
    }

    fn with_merchant(gateway: &Gateway, merchant: &Merchant, base_url: &str, now: UnixTime) -> Self {
        Self {
            base_url: base_url.into(),
            credentials: gateway.credentials().clone(),
            merchant: merchant.clone(),
            now,
            tls_ca: None,
            notify_url: None,
            files: Vec::new(),
        }
    }

    /// Sets the CA certificate to trust, in PEM.
    #[must_use]
    pub fn with_tls_ca(self, pem: String) -> Self {
        Self { tls_ca: Some(pem), ..self }
    }

    /// Sets the URL for notifications. The default is one on this machine, port 8080.
    #[must_use]
    pub fn with_notify_url(self, url: String) -> Self {
        Self { notify_url: Some(url), ..self }
    }

    /// Writes keys and certificates into a folder, which is created if necessary; its parent must exist, so that a typo
    /// creates nothing. On Unix, only the owner can read the files (mode 0600).
    ///
    /// # Errors
    ///
    /// If the folder or a file cannot be written.
    pub fn files(mut self, folder: &Path) -> io::Result<Self> {
        match fs::create_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created?,
        }
        let folder = fs::canonicalize(folder)?;
        self.reuse_signatures(&folder);
        for (name, file, pem) in self.pems().map_err(io::Error::other)? {
            let path = folder.join(file);
            write_private(&path, &pem)?;
            self.files.push((name, path.to_string_lossy().into_owned()));
        }
        Ok(self)
    }

    /// Reuses the signatures of the certificates that an earlier start has written.
    fn reuse_signatures(&self, folder: &Path) {
        let api_key = self.merchant.api_keys().last().map(|key| (API_CERTIFICATE, &key.certificate));
        let platform = self.merchant.platform().certificates(self.now).next();
        let platform = platform.map(|platform| (PLATFORM_CERTIFICATE, &platform.certificate));
        for (file, certificate) in api_key.into_iter().chain(platform) {
            if let Ok(earlier) = fs::read_to_string(folder.join(file)) {
                certificate.reuse_signature(&earlier);
            }
        }
    }

    /// Returns variable, file name and text of every PEM value.
    pub(crate) fn pems(&self) -> Result<Vec<(&'static str, &'static str, String)>, InvalidKey> {
        let mut pems = Vec::new();
        if let Some(key) = self.merchant.api_keys().last() {
            pems.push(("WXPAY_PRIVATE_KEY_FILE", "apiclient_key.pem", key.key_pair.private_pem()));
            pems.push(("WXPAY_CERTIFICATE_FILE", API_CERTIFICATE, key.certificate.pem()?));
        }
        if let Some(platform) = self.merchant.platform().certificates(self.now).next() {
            pems.push(("WXPAY_PLATFORM_CERTIFICATE_FILE", PLATFORM_CERTIFICATE, platform.certificate.pem()?));
            pems.push((
                "WXPAY_PLATFORM_PUBLIC_KEY_FILE",
                "platform_pub.pem",
                platform.certificate.public_key().pem(),
            ));
        }
        if let Some(key) = self.merchant.platform().public_key() {
            pems.push(("WXPAY_PUBLIC_KEY_FILE", "pub_key.pem", key.key_pair.public().pem()));
        }
        if let Some(ca) = &self.tls_ca {
            pems.push(("WXPAY_TLS_CA_FILE", "tls_ca.pem", ca.clone()));
        }
        Ok(pems)
    }

    /// Returns the variables and their values, with PEM texts in place of file names. **They contain secrets.**
    ///
    /// # Errors
    ///
    /// If a certificate cannot be encoded.
    pub fn values(&self) -> Result<Vec<(&'static str, String)>, InvalidKey> {
        let mut values = self.texts();
        values.extend(self.pems()?.into_iter().map(|(name, _, pem)| (name, pem)));
        Ok(values)
    }

    /// Returns the `export NAME=value` lines, quoted for a shell. **They contain secrets.**
    pub fn lines(&self) -> String {
        let lines: Vec<String> = self
            .variables()
            .into_iter()
            .map(|(name, value)| format!("export {name}={}\n", quoted(&value)))
            .collect();
        lines.concat()
    }

    /// Returns the variables of the [lines](Self::lines), with the names of the [files](Self::files). **They contain
    /// secrets.**
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.texts().into_iter().chain(self.files.iter().cloned()).collect()
    }

    /// Returns the variables that are not files, with their values.
    pub(crate) fn texts(&self) -> Vec<(&'static str, String)> {
        let (credentials, merchant) = (&self.credentials, &self.merchant);
        let mut lines = vec![
            ("WXPAY_BASE_URL", self.base_url.clone()),
            ("WXPAY_V1_APPID", credentials.appid().to_string()),
            ("WXPAY_V1_APP_SECRET", credentials.app_secret().expose().clone()),
            ("WXPAY_V1_PAY_SIGN_KEY", credentials.pay_sign_key().expose().clone()),
            ("WXPAY_V1_PARTNER", credentials.partner().to_string()),
            ("WXPAY_V1_PARTNER_KEY", credentials.partner_key().expose().clone()),
            ("WXPAY_MCHID", merchant.mchid().to_string()),
        ];
        let notify_url = self.notify_url.clone();
        let notify_url =
            notify_url.unwrap_or_else(|| format!("http://127.0.0.1:8080/notify/{}", merchant.mchid()));
        lines.push(("WXPAY_NOTIFY_URL", notify_url));
        lines.extend(merchant.appids().first().map(|appid| ("WXPAY_APPID", appid.to_string())));
        lines.extend(merchant.api_v3_key().map(|key| ("WXPAY_API_V3_KEY", key.expose().clone())));
        lines.extend(
            merchant.api_keys().last().map(|key| ("WXPAY_SERIAL_NO", key.certificate.serial().to_string())),
        );
        let platform = merchant.platform();
        lines.extend(
            platform
                .certificates(self.now)
                .next()
                .map(|current| ("WXPAY_PLATFORM_SERIAL_NO", current.certificate.serial().to_string())),
        );
        lines.extend(platform.public_key().map(|key| ("WXPAY_PUBLIC_KEY_ID", key.id.to_string())));
        lines
    }

    /// Writes the lines to a file. On Unix, only its owner can read it (mode 0600).
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        write_private(path, &self.lines())
    }
}

/// The line that reports that the simulator is ready.
#[derive(Serialize)]
struct ReadyLine<'a> {
    ready: bool,
    url: &'a str,
    /// The address of the page.
    page: String,
}

/// Returns the JSON line that reports that the simulator is ready, without a line end.
pub fn ready_line(base_url: &str) -> String {
    let line = ReadyLine { ready: true, url: base_url, page: format!("{base_url}/") };
    // Plain text always serialises.
    serde_json::to_string(&line).unwrap_or_default()
}

/// Writes a temporary file and renames it, so that no reader sees an incomplete file and an older file's wider mode is
/// replaced. A file that is as it should be is left alone: waiting for the disk takes most of a start's time.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    if is_private(path) && fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}", std::process::id()));
    let written = create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The rest of the file may contain secrets.
        fs::remove_file(&temporary).ok();
    }
    written
}

/// Quotes a value with single quotes, so that a shell interprets no character of it.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o777 == 0o600)
}

#[cfg(not(unix))]
fn is_private(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file())
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, merchant::KeyMode};
    use std::collections::BTreeMap;

    const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

    fn environment(mode: KeyMode) -> Environment {
        let mut gateway = Gateway::new(Settings::default(), 1);
        let mchid = gateway.merchant().mchid().clone();
        gateway.merchant_mut(&mchid).unwrap().platform_mut().set_mode(mode);
        Environment::of(&gateway, "http://127.0.0.1:1", NOW)
    }

    fn values(environment: &Environment) -> BTreeMap<String, String> {
        let lines = environment.lines();
        let pairs = lines.lines().map(|line| line.strip_prefix("export ").unwrap().split_once('=').unwrap());
        pairs.map(|(name, value)| (name.into(), value.trim_matches('\'').into())).collect()
    }

    #[test]
    fn notify_url_is_replaced_and_variables_are_those_of_the_lines() {
        let environment = environment(KeyMode::Either).with_notify_url("http://shop/notify".into());
        let lines = values(&environment);
        assert_eq!(lines["WXPAY_NOTIFY_URL"], "http://shop/notify");
        let variables = environment.variables().into_iter();
        assert_eq!(variables.map(|(name, value)| (name.into(), value)).collect::<BTreeMap<_, _>>(), lines);
    }

    #[test]
    fn value_is_quoted_for_the_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn shell_reads_the_written_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.env");
        fs::write(&path, "old").unwrap();
        let environment = environment(KeyMode::Either);
        environment.write(&path).unwrap();
        let script =
            format!(". {}; printf %s \"$WXPAY_V1_PARTNER_KEY $WXPAY_MCHID $WXPAY_BASE_URL\"", path.display());
        let shell = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
        let (key, mchid) = (environment.credentials.partner_key().expose(), environment.merchant.mchid());
        assert_eq!(String::from_utf8(shell.stdout).unwrap(), format!("{key} {mchid} http://127.0.0.1:1"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn written_files_are_accessible_to_the_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sim.env");
        fs::write(&path, "old").unwrap();
        environment(KeyMode::Either).files(folder.path()).unwrap().write(&path).unwrap();
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 6);
        for file in files {
            assert_eq!(
                file.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                file.file_name()
            );
        }
    }

    #[test]
    fn files_create_their_folder_but_not_its_parent() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = environment(KeyMode::Either).files(&missing.join("keys")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(!missing.exists());
        environment(KeyMode::Either).files(&missing).unwrap().files(&missing).unwrap();
        assert!(missing.join("apiclient_key.pem").exists());
    }

    #[test]
    fn written_keys_match_their_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let environment = values(&environment(KeyMode::Either).files(folder.path()).unwrap());
        let openssl = |args: &[&str]| {
            let output = std::process::Command::new("openssl").args(args).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let key_pem = openssl(&["pkey", "-pubout", "-in", &environment["WXPAY_PRIVATE_KEY_FILE"]]);
        let certificate_pem =
            openssl(&["x509", "-noout", "-pubkey", "-in", &environment["WXPAY_CERTIFICATE_FILE"]]);
        assert!(key_pem.contains("PUBLIC KEY") && key_pem == certificate_pem);
        let serial = openssl(&["x509", "-noout", "-serial", "-in", &environment["WXPAY_CERTIFICATE_FILE"]]);
        assert_eq!(serial.trim(), format!("serial={}", environment["WXPAY_SERIAL_NO"]));
        let platform =
            openssl(&["x509", "-noout", "-pubkey", "-in", &environment["WXPAY_PLATFORM_CERTIFICATE_FILE"]]);
        assert_eq!(platform, fs::read_to_string(&environment["WXPAY_PLATFORM_PUBLIC_KEY_FILE"]).unwrap());
        let serial =
            openssl(&["x509", "-noout", "-serial", "-in", &environment["WXPAY_PLATFORM_CERTIFICATE_FILE"]]);
        assert_eq!(serial.trim(), format!("serial={}", environment["WXPAY_PLATFORM_SERIAL_NO"]));
    }

    #[test]
    fn environment_has_the_platform_keys_of_the_mode() {
        let folder = tempfile::tempdir().unwrap();
        for (mode, certificate, key) in [
            (KeyMode::Certificates, true, false),
            (KeyMode::PublicKey, false, true),
            (KeyMode::Either, true, true),
        ] {
            let environment = values(&environment(mode).files(folder.path()).unwrap());
            for name in [
                "WXPAY_PLATFORM_SERIAL_NO",
                "WXPAY_PLATFORM_CERTIFICATE_FILE",
                "WXPAY_PLATFORM_PUBLIC_KEY_FILE",
            ] {
                assert_eq!(environment.contains_key(name), certificate, "{mode:?} {name}");
            }
            for name in ["WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY_FILE"] {
                assert_eq!(environment.contains_key(name), key, "{mode:?} {name}");
            }
        }
    }

    #[test]
    fn the_ready_line_is_one_line_of_json() {
        let line = r#"{"ready":true,"url":"http://127.0.0.1:80","page":"http://127.0.0.1:80/"}"#;
        assert_eq!(ready_line("http://127.0.0.1:80"), line);
    }
}
