//! The diagnosis: from a message to its explanation.

use crate::{
    cause::{CauseId, Certainty},
    comparison::Comparison,
    detail::{Alternatives, Detail},
    draft::BOM,
    explanation::{Explanation, Findings},
    keys::{Key, Keys, Owner},
    message::{Kind, Message},
    ordered::{Blanks, Escape, Json},
    resource,
    rsa::{Hash, Recovered},
    search::{BUDGET, Found, THOROUGH_BUDGET, search},
    serial,
    signature::{self, Reading},
    subject::Subject,
    variants::{url, values},
    verified::Verified,
    visible::shown,
};
use aws_lc_rs::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use std::fmt;

/// The greatest difference between timestamp and clock that is accepted, in seconds.
const TOLERANCE: u64 = 300;

/// Explains messages with the given keys and other facts about the merchant.
pub struct Explainer {
    keys: Keys,
    mchids: Vec<String>,
    appids: Vec<String>,
    hosts: Vec<String>,
    api_v3_keys: Vec<LessSafeKey>,
    budget: usize,
}

impl Explainer {
    /// Creates an explainer. Without a key, every signature is by an unknown one.
    pub const fn new(keys: Keys) -> Self {
        Self {
            keys,
            mchids: Vec::new(),
            appids: Vec::new(),
            hosts: Vec::new(),
            api_v3_keys: Vec::new(),
            budget: BUDGET,
        }
    }

    /// Sets the merchant that signs requests. By default it is taken from the certificate.
    #[must_use]
    pub fn with_mchid(mut self, mchid: impl Into<String>) -> Self {
        self.mchids.push(mchid.into());
        self
    }

    /// Adds an appid of the merchant, for client parameters.
    #[must_use]
    pub fn with_appid(mut self, appid: impl Into<String>) -> Self {
        self.appids.push(appid.into());
        self
    }

    /// Adds the base URL that requests are sent to. Its host may have been signed by mistake, and many messages do not
    /// name it.
    #[must_use]
    pub fn with_base_url(mut self, base_url: &str) -> Self {
        self.hosts.extend(url::split(base_url).0.map(String::from));
        self
    }

    /// Adds an APIv3 key, for notifications.
    #[must_use]
    pub fn with_api_v3_key(mut self, key: &[u8; 32]) -> Self {
        self.api_v3_keys.extend(UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new));
        self
    }

    /// Searches up to forty times as long for the signed string, about 40 ms: for people and tools, not for logs. By
    /// default a search ends after about a millisecond, and pairs of causes in long bodies may not be found.
    #[must_use]
    pub fn thorough(self) -> Self {
        Self { budget: THOROUGH_BUDGET, ..self }
    }

    /// Explains a message. `now` is the time at which it was received, in seconds since 1970; without it, clocks are not
    /// compared.
    pub fn explain(&self, message: &Message, now: Option<u64>) -> Explanation {
        let subject = Subject::new(message, &self.appids, &self.hosts);
        let mut findings = Findings::default();
        if let Some(rule) = &subject.values.fault {
            findings.exact(CauseId::HeaderGrammar, rule.clone());
        }
        if let Some(signature) = &subject.values.signature {
            if signature.starts_with("WECHATPAY/SIGNTEST/") {
                findings.exact(CauseId::SignatureProbe, None);
                return findings.finish();
            }
            self.check_signature(&subject, signature, &mut findings);
        }
        self.check_rest(&subject, now, &mut findings);
        findings.finish()
    }

    fn check_signature(&self, subject: &Subject<'_>, text: &str, findings: &mut Findings) {
        let readings = signature::readings(text);
        let serial = subject.values.serial.as_deref();
        let recovered: Vec<_> = readings
            .iter()
            .flat_map(|reading| {
                self.recover(&reading.bytes, serial).map(move |(key, found)| (reading, key, found))
            })
            .collect();
        let certain = recovered.iter().find(|(_, _, recovered)| recovered.is_certain());
        let found = match certain {
            Some((reading, key, recovered)) => {
                let found = search(recovered, subject.draft(), self.budget, || subject.space());
                Some((reading, key, recovered, found))
            }
            None => recovered.iter().find_map(|(reading, key, recovered)| {
                let found = search(recovered, subject.draft(), self.budget, || subject.space())?;
                Some((reading, key, recovered, Some(found)))
            }),
        };
        let Some((reading, key, recovered, found)) = found else {
            self.unknown_key(subject, text, &readings, findings);
            if !recovered.is_empty() {
                findings.likely(CauseId::Pss, None);
            }
            hint(subject, findings);
            return;
        };
        if let Some(fault) = reading.fault.clone() {
            findings.exact(CauseId::SignatureEncoding, fault);
        }
        report_form(recovered, findings);
        if let Some(found) = found {
            findings.verified = Some(Verified::new(key, serial, found.signed.clone()));
            report_string(subject, found, findings);
        } else {
            guess(subject, recovered, findings);
            hint(subject, findings);
        }
        self.check_key(subject, key, findings);
    }

    /// Finds the keys that may have made a signature: the named one first.
    fn recover<'k>(
        &'k self,
        signature: &[u8],
        serial: Option<&str>,
    ) -> impl Iterator<Item = (&'k Key, Recovered)> {
        let named = serial.and_then(|serial| self.keys.named(serial));
        let others = self.keys.iter().filter(|key| named.is_none_or(|named| !std::ptr::eq(*key, named)));
        let mut found = Vec::new();
        for key in named.into_iter().chain(others) {
            if let Some(recovered) = key.recover(signature) {
                let is_certain = recovered.is_certain();
                found.push((key, recovered));
                if is_certain {
                    break;
                }
            }
        }
        found.into_iter()
    }

    /// Reports a signature that none of the keys made.
    fn unknown_key(&self, subject: &Subject<'_>, text: &str, readings: &[Reading], findings: &mut Findings) {
        if signature::is_apiv2(text) {
            findings.exact(CauseId::Apiv2Signature, None);
            return;
        }
        let is_possible = |reading: &&Reading| {
            matches!(reading.bytes.len(), 128 | 256 | 384 | 512)
                || self.keys.iter().any(|key| key.length() == reading.bytes.len())
        };
        let Some(reading) = readings.iter().find(is_possible) else {
            let length = |reading: &Reading| Detail::OtherLength { bytes: reading.bytes.len() };
            findings.exact(CauseId::SignatureEncoding, readings.first().map_or(Detail::Undecodable, length));
            return;
        };
        if let Some(fault) = reading.fault.clone() {
            findings.exact(CauseId::SignatureEncoding, fault);
        }
        let serial = subject.values.serial.as_deref();
        let detail = match serial.map(|serial| (serial, self.keys.named(serial))) {
            Some((_, Some(_))) => Detail::NotTheNamedKey,
            Some((_, None)) => Detail::NoKeyOfThatSerial,
            None if subject.client().is_some() => Detail::NoGivenKeyForClient,
            None => Detail::NoGivenKey,
        };
        findings.likely(CauseId::WrongKey, detail);
        if let Some(sent) = subject.values.mchid.as_deref().filter(|_| !self.mchids.is_empty()) {
            self.check_mchid(subject.message, sent, None, findings);
        }
        if let Some(serial) = serial {
            let known: Vec<&String> = self.keys.iter().flat_map(Key::serials).collect();
            serial::check_form(serial, &known, findings);
        }
    }

    /// Compares the key that signed with the one that the message names.
    fn check_key(&self, subject: &Subject<'_>, key: &Key, findings: &mut Findings) {
        let expected = if subject.is_signed_by_platform() { Owner::Platform } else { Owner::Merchant };
        if key.owner().is_some_and(|owner| owner != expected) {
            let is_of_merchant = expected == Owner::Merchant;
            let detail = if is_of_merchant { Detail::PlatformSigned } else { Detail::MerchantSigned };
            findings.exact(CauseId::WrongKey, detail);
        }
        if let Some(serial) = subject.values.serial.as_deref() {
            let other = if subject.is_signed_by_platform() {
                CauseId::WrongNotificationSerial
            } else {
                CauseId::SerialOfAnotherCertificate
            };
            serial::check(serial, key, &self.keys, other, findings);
        }
        if subject.message.kind == Kind::Request
            && let Some(sent) = subject.values.mchid.as_deref()
        {
            self.check_mchid(subject.message, sent, Some(key), findings);
        }
    }

    fn check_mchid(&self, message: &Message, sent: &str, key: Option<&Key>, findings: &mut Findings) {
        let mut known: Vec<&str> = self.mchids.iter().map(String::as_str).collect();
        // The certificate usually belongs to the configured merchant.
        known
            .extend(key.and_then(Key::mchid).filter(|mchid| !self.mchids.iter().any(|other| other == mchid)));
        if !known.is_empty() {
            if !known.contains(&sent) {
                let expected = Alternatives(known.into_iter().map(String::from).collect());
                findings.exact(CauseId::WrongMchid, Detail::OtherMchid { sent: shown(sent), expected });
            }
            return;
        }
        let body = Json::parse(&message.body);
        let of_body = |name| body.as_ref().and_then(|body| body.text(name)).map(String::from);
        let query = url::split(&message.url).1.query.unwrap_or_default();
        let of_query = |name| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
        };
        let named = ["sp_mchid", "combine_mchid", "mchid"]
            .into_iter()
            .find_map(|name| of_body(name).or_else(|| of_query(name)));
        if let Some(named) = named.filter(|named| named != sent) {
            findings.likely(
                CauseId::WrongMchid,
                Detail::MchidOfRequest { sent: shown(sent), named: shown(&named) },
            );
        }
    }

    /// Checks the facts on which the signature does not depend.
    fn check_rest(&self, subject: &Subject<'_>, now: Option<u64>, findings: &mut Findings) {
        let message = subject.message;
        if let Some(kind) = message.header("wechatpay-signature-type")
            && subject.is_signed_by_platform()
            && kind != "WECHATPAY2-SHA256-RSA2048"
        {
            findings.exact(CauseId::SignatureType, Detail::OtherSignatureType { sent: shown(kind) });
        }
        if let Some(client) = subject.client() {
            for (cause, detail) in &client.faults {
                findings.exact(*cause, detail.clone());
            }
            let other =
                client.appid.as_ref().filter(|sent| !self.appids.is_empty() && !self.appids.contains(sent));
            if other.is_some() {
                findings.likely(CauseId::WrongAppid, Detail::UnknownAppid);
            }
        }
        let timestamp = subject.values.timestamp.as_deref().unwrap_or_default();
        if values::is_milliseconds(timestamp) {
            findings.exact(subject.timestamp_causes().1, Detail::ThirteenDigits);
        } else if let (Some(now), Ok(timestamp)) = (now, timestamp.parse::<u64>())
            && message.kind != Kind::ClientParams
            && now.abs_diff(timestamp) > TOLERANCE
        {
            let seconds = now.abs_diff(timestamp);
            let detail = match (hours(seconds), timestamp < now) {
                (Some(hours), true) => Detail::BehindByHours { hours },
                (Some(hours), false) => Detail::AheadByHours { hours },
                (None, true) => Detail::Behind { seconds },
                (None, false) => Detail::Ahead { seconds },
            };
            findings.exact(CauseId::ClockSkew, detail);
        }
        if subject.is_signed_by_platform()
            && resource::is_opened(&message.body, &self.api_v3_keys) == Some(false)
        {
            let certainty = if findings.is_empty() { Certainty::Exact } else { Certainty::Likely };
            findings.add(CauseId::WrongApiV3Key, certainty, None);
        }
    }
}

/// Returns the hours that a difference in seconds is, if it looks like the offset of a time zone.
fn hours(seconds: u64) -> Option<u64> {
    // The message was sent a moment before it is explained, and few clocks are right to the second.
    const SLACK: u64 = 10;
    let hours = seconds.saturating_add(SLACK).checked_div(3600)?;
    let distance = seconds.abs_diff(hours.saturating_mul(3600));
    ((1..=14).contains(&hours) && distance <= SLACK).then_some(hours)
}

/// Reports the form of a signature: hash and padding.
fn report_form(recovered: &Recovered, findings: &mut Findings) {
    let hash = match recovered {
        Recovered::Digest(hash, _) => hash,
        Recovered::Bare(_) => return findings.exact(CauseId::MissingDigestInfo, None),
        Recovered::Pss { hash, .. } => {
            findings.exact(CauseId::Pss, None);
            hash
        }
    };
    match hash {
        Hash::Sha256 => {}
        Hash::Sha1 => findings.exact(CauseId::Sha1, None),
        Hash::Md5 | Hash::Sha384 | Hash::Sha512 => findings.exact(CauseId::OtherDigest, None),
    }
}

/// Reports the changes that lead to the signed string.
fn report_string(subject: &Subject<'_>, found: Found, findings: &mut Findings) {
    let Found { causes, signed } = found;
    let mut expected = Vec::new();
    subject.draft().write(&mut expected);
    // Receipts wanted a string without its last line feed until 2023; both are accepted since.
    let is_receipt = subject.draft().url.is_some_and(|url| url.path.starts_with("/v3/transferdownload/"));
    if is_receipt && causes == [CauseId::MissingBodyLineFeed] && expected.strip_suffix(b"\n") == Some(&signed)
    {
        return;
    }
    for cause in &causes {
        findings.exact(*cause, None);
    }
    if let Some(first) = causes.first() {
        let blanks =
            subject.draft().body.get(subject.draft().body.trim_ascii_end().len()..).unwrap_or_default();
        if causes.contains(&CauseId::BodyReserialized)
            && !blanks.is_empty()
            && !signed.ends_with(&[blanks, b"\n"].concat())
        {
            findings.exact(CauseId::BodyTrimmed, None);
        }
        let body = subject.draft().body;
        let is_same_without_line_feed = causes.contains(&CauseId::MissingBodyLineFeed) && body.is_empty()
            || causes.contains(&CauseId::BodyTrimmed) && body.ends_with(b"\n") && !signed.ends_with(body);
        if is_same_without_line_feed && expected.strip_suffix(b"\n").is_some_and(|rest| rest == signed) {
            findings.exact(CauseId::MissingFinalLineFeed, Detail::SameString);
        }
        findings.compare(*first, Comparison::new(expected, signed));
    }
}

/// Names the most likely causes of a string that was not found.
fn guess(subject: &Subject<'_>, recovered: &Recovered, findings: &mut Findings) {
    if matches!(recovered, Recovered::Digest(Hash::Md5, _)) {
        // Digests by MD5 are not compared.
        return;
    }
    let message = subject.message;
    let json = Json::parse(&message.body);
    // WeChat Pay sends compact JSON with sorted members; programs that sign a request seldom sort.
    let is_rewritten = json.as_ref().is_some_and(|json| match message.kind {
        Kind::Reply | Kind::Notification => json.write(Blanks::None, Escape::None) != message.body,
        Kind::Request | Kind::ClientParams => json.is_sorted(),
    });
    let (differs, _) = subject.timestamp_causes();
    let causes: &[CauseId] = match message.kind {
        Kind::ClientParams => &[CauseId::WrongAppid, CauseId::NonceDiffers, differs],
        Kind::Request | Kind::Reply | Kind::Notification if is_rewritten => {
            &[CauseId::BodyReserialized, CauseId::NonceDiffers, differs]
        }
        Kind::Request | Kind::Reply | Kind::Notification if json.is_some() => {
            &[CauseId::NonceDiffers, differs, CauseId::BodyReserialized]
        }
        Kind::Request | Kind::Reply | Kind::Notification => &[CauseId::NonceDiffers, differs],
    };
    for cause in causes {
        findings.likely(*cause, Detail::NoUsualString);
    }
}

/// Names causes that the message shows traces of, if the signed string could not be found.
fn hint(subject: &Subject<'_>, findings: &mut Findings) {
    let draft = subject.draft();
    let is_client = subject.message.kind == Kind::ClientParams;
    let text = draft.body.strip_prefix(BOM).unwrap_or(draft.body);
    let path_ends_with_slash = draft.url.is_some_and(|url| url.path.len() > 1 && url.path.ends_with('/'));
    let is_encoded_twice = draft.url.and_then(|url| url.query).is_some_and(url::is_encoded_twice);
    let has_bom = draft.body.len() > text.len();
    let traces = [
        (CauseId::MethodCase, subject.message.method.bytes().any(|byte| byte.is_ascii_lowercase())),
        (CauseId::TrailingSlash, path_ends_with_slash),
        (CauseId::QueryDoubleEncoded, is_encoded_twice),
        (CauseId::BodyBom, has_bom),
        (CauseId::BodyTrimmed, !is_client && text.trim_ascii() != text),
        (CauseId::BodyGbk, !is_client && std::str::from_utf8(draft.body).is_err()),
    ];
    for (cause, _) in traces.into_iter().filter(|(_, is_shown)| *is_shown) {
        findings.likely(cause, Detail::Trace);
    }
}

/// Prints nothing of the APIv3 keys.
impl fmt::Debug for Explainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explainer")
            .field("keys", &self.keys)
            .field("mchids", &self.mchids)
            .field("appids", &self.appids)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
