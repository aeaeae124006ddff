//! The string that must be signed of a message, and those that may have been signed in its place.

use crate::{
    cause::CauseId,
    client::{self, ClientParams},
    draft::{Blanks, Bom, Draft, Encoding, Ends, GbkTable, Hashed, Tail},
    header::{self, SignatureValues},
    message::{Kind, Message},
    multipart,
    search::Space,
    variants::{self, Part, body, url, values},
};

/// A message as its signature sees it.
pub(crate) struct Subject<'a> {
    pub(crate) message: &'a Message,
    pub(crate) values: SignatureValues,
    /// The method in upper case, or the appid.
    first: Option<String>,
    client: Option<ClientParams>,
    meta: Option<&'a [u8]>,
    gbk: GbkTable,
    appids: &'a [String],
    /// Hosts that the message does not name.
    hosts: &'a [String],
}

impl<'a> Subject<'a> {
    pub(crate) fn new(message: &'a Message, appids: &'a [String], hosts: &'a [String]) -> Self {
        let new = |values, first| Self {
            message,
            values,
            first,
            client: None,
            meta: None,
            gbk: GbkTable::of(&message.body),
            appids,
            hosts,
        };
        match message.kind {
            Kind::Request => {
                let method = message.method.to_ascii_uppercase();
                Self { meta: multipart::meta(message), ..new(header::authorization(message), Some(method)) }
            }
            Kind::Reply | Kind::Notification => new(header::wechatpay(message), None),
            Kind::ClientParams => {
                let mut params = client::read(&message.body);
                let values = std::mem::take(&mut params.values);
                // Mini programs do not send their appid.
                let appid = params.appid.clone().or_else(|| appids.first().cloned()).unwrap_or_default();
                Self { client: Some(params), ..new(values, Some(appid)) }
            }
        }
    }

    /// Returns the string that must be signed.
    pub(crate) fn draft(&self) -> Draft<'_> {
        let is_request = self.message.kind == Kind::Request;
        let package = self.client.as_ref().map(|client| client.package.as_bytes());
        Draft {
            first: self.first.as_deref(),
            url: is_request.then(|| url::split(&self.message.url).1),
            timestamp: self.values.timestamp.as_deref().unwrap_or_default(),
            nonce: self.values.nonce.as_deref().unwrap_or_default(),
            body: package.or(self.meta).unwrap_or(&self.message.body),
            blanks: Blanks::AsSent,
            encoding: Encoding::AsSent,
            gbk: &self.gbk,
            bom: Bom::AsSent,
            ends: Ends::Lf,
            tail: Tail::Whole,
            hashed: Hashed::No,
        }
    }

    /// Returns the strings that may have been signed in its place.
    pub(crate) fn space(&self) -> Space<'_> {
        let draft = self.draft();
        let (differs, milliseconds) = self.timestamp_causes();
        let [line_ends, tails, hashed] = variants::lines(&draft);
        let mut parts = if let Some(client) = &self.client {
            let others: Vec<&str> = client.others.iter().map(String::as_str).collect();
            let appid = self.first.as_deref().unwrap_or_default();
            let packages = body::packages(&client.package, &client.prepay_id, &others);
            vec![packages, values::appids(appid, self.appids)]
        } else {
            let whole = self.meta.map(|_| self.message.body.as_slice());
            let mut parts = vec![body::bodies(draft.body, whole)];
            parts.extend(variants::encodings(draft.body, &self.gbk));
            parts
        };
        parts.extend([
            tails,
            line_ends,
            values::timestamps(draft.timestamp, differs, milliseconds, self.message),
            values::nonces(draft.nonce, self.message),
        ]);
        parts.extend(self.url_parts());
        parts.push(hashed);
        let query = draft.url.and_then(|url| url.query);
        let near = values::far_seconds(draft.timestamp, values::FAR, differs);
        let near = url::more_orders(query).into_iter().chain(near);
        Space {
            parts,
            near: Box::new(near.chain(values::all_milliseconds(draft.timestamp, milliseconds))),
            far: Box::new(values::far_seconds(draft.timestamp, values::FARTHEST, differs)),
        }
    }

    fn url_parts(&self) -> Vec<Part> {
        let Some(sent) = self.draft().url else { return Vec::new() };
        let host = url::split(&self.message.url).0.into_iter().chain(self.message.header("host"));
        let mut own: Vec<String> = Vec::new();
        for host in host.chain(self.hosts.iter().map(String::as_str)) {
            if !own.iter().any(|known| known == host) {
                own.push(host.to_owned());
            }
        }
        let method = self.first.as_deref().unwrap_or_default();
        let mut methods = url::methods(method);
        if self.message.method != method {
            methods.insert(
                0,
                crate::draft::Variant::common(
                    CauseId::MethodCase,
                    crate::draft::Change::First(self.message.method.clone()),
                ),
            );
        }
        vec![methods, url::hosts(&own), url::paths(sent.path), url::queries(sent.query)]
    }

    /// Returns the causes of another timestamp, and of one in milliseconds.
    pub(crate) fn timestamp_causes(&self) -> (CauseId, CauseId) {
        match self.message.kind {
            Kind::ClientParams => (CauseId::ClientTimestamp, CauseId::ClientTimestamp),
            Kind::Request | Kind::Reply | Kind::Notification => {
                (CauseId::TimestampDiffers, CauseId::TimestampMilliseconds)
            }
        }
    }

    /// Returns the parameters, if they are those of a client.
    pub(crate) const fn client(&self) -> Option<&ClientParams> {
        self.client.as_ref()
    }

    /// Returns whether WeChat Pay signs messages of this kind.
    pub(crate) const fn is_signed_by_platform(&self) -> bool {
        matches!(self.message.kind, Kind::Reply | Kind::Notification)
    }
}
