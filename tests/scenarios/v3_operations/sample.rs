//! A sample request of an operation, written with the public builders, and a function that parses replies.

use super::spec::{Kind, Operation};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::Arc};
use wxpay_proto::{
    Error, UnixTime,
    crypto::CryptoProvider as _,
    entropy::Entropy,
    exchange::{Flow, Step},
    http::{Request, Response},
    memory::Memory,
    retry::Policy,
    v3::{ApiV3Key, Endpoint, Merchant},
    wire::base64,
    world::World,
};
use wxpay_testkit::{
    keys::v3::{API_V3_KEY, MCHID, PUBLIC_KEY_ID, SERIAL_NO},
    null::{NullProvider, private_key, public_key},
};

/// Reads the text of a reply. Returns what was read, printed.
pub(super) type Read = Box<dyn Fn(&str) -> Result<String, Error>>;

/// A sample request of an operation, and the function that parses its reply.
pub(super) struct Sample {
    /// The documented method and path.
    pub(super) operation: &'static str,
    /// The label of the request in logs. `None` if the request is not sent by a typed operation alone.
    pub(super) label: Option<&'static str>,
    request: Request,
    pub(super) read: Option<Read>,
}

/// Returns a merchant with null cryptography, and one attempt per call.
pub(super) fn merchant() -> Merchant {
    let mut retry = Policy::default();
    retry.max_attempts = 1;
    Merchant::builder(
        Arc::new(NullProvider),
        MCHID.parse().unwrap(),
        SERIAL_NO.parse().unwrap(),
        NullProvider.private_key(&private_key("merchant")).unwrap(),
        &ApiV3Key::new(API_V3_KEY.into()).unwrap(),
    )
    .public_key(PUBLIC_KEY_ID.parse().unwrap(), NullProvider.public_key(&public_key("wechatpay")).unwrap())
    .platform_certificates()
    .retry(retry)
    .build()
}

const NOW: UnixTime = UnixTime::from_secs(1_795_600_000);

fn world(memory: &mut Memory) -> World<'_> {
    World::new(NOW, Entropy::new([7; 32]), memory)
}

fn signed(body: &str) -> Response {
    let time = NOW.to_string();
    let message = [time.as_bytes(), b"\nN\n", body.as_bytes(), b"\n"].concat();
    let key = NullProvider.private_key(&private_key("wechatpay")).unwrap();
    let signature = base64::encode(&key.sign(&message).unwrap());
    Response::new(if body.is_empty() { 204 } else { 200 }, body.into())
        .with_header("Wechatpay-Timestamp", time.as_bytes())
        .with_header("Wechatpay-Nonce", b"N")
        .with_header("Wechatpay-Signature", signature.as_bytes())
        .with_header("Wechatpay-Serial", PUBLIC_KEY_ID.as_bytes())
}

/// Runs a flow that sends one request and receives this reply.
pub(super) fn run_with_reply<F: Flow>(flow: F, reply: &str) -> Result<F::Output, Error> {
    let mut memory = Memory::default();
    let step = match Step::begin(flow, world(&mut memory)) {
        Step::Send(_, sent) => sent.resume(Ok(signed(reply)), world(&mut memory)),
        other => other,
    };
    match step {
        Step::Done(result) => result,
        Step::Send(..) | Step::Wait(..) => panic!("the flow must end after one reply"),
    }
}

impl Sample {
    pub(super) fn of<E>(operation: &'static str, endpoint: E) -> Self
    where
        E: Endpoint<Output: fmt::Debug> + Clone + 'static,
    {
        Self::flow(operation, move || merchant().call(endpoint.clone()))
    }

    pub(super) fn flow<F>(operation: &'static str, flow: impl Fn() -> F + 'static) -> Self
    where
        F: Flow<Output: fmt::Debug> + 'static,
    {
        let mut memory = Memory::default();
        let Step::Send(transmit, _) = Step::begin(flow(), world(&mut memory)) else { panic!("{operation}") };
        let read = move |reply: &str| run_with_reply(flow(), reply).map(|output| format!("{output:?}"));
        let (label, request) = (Some(transmit.label), transmit.request);
        Self { operation, label, request, read: Some(Box::new(read)) }
    }

    /// Creates a sample whose reply is not JSON.
    pub(super) fn without_json_reply(operation: &'static str, request: Request) -> Self {
        Self { operation, label: None, request, read: None }
    }

    /// Returns the fields of the request, by the paths of [`Operation`].
    pub(super) fn sent_fields(&self, operation: &Operation) -> BTreeMap<String, Kind> {
        let method = self.operation.split(' ').next().unwrap();
        assert_eq!(self.request.method().as_str(), method, "{}", self.operation);
        let target = self.request.url().strip_prefix("https://api.mch.weixin.qq.com").unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut sent = BTreeMap::new();
        let (segments, template): (Vec<_>, Vec<_>) =
            (path.split('/').collect(), operation.path.split('/').collect());
        assert_eq!(segments.len(), template.len(), "{}: {path}", self.operation);
        for (segment, documented) in segments.into_iter().zip(template) {
            match documented.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => {
                    assert!(!segment.is_empty());
                    sent.insert(format!("/{name}"), Kind::String);
                }
                None => assert_eq!(segment, documented, "{}", self.operation),
            }
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap();
            assert!(!value.is_empty(), "{}: {name}", self.operation);
            assert!(sent.insert(format!("?{name}"), Kind::String).is_none(), "{name} twice");
        }
        // The header may be sent with every request, so it counts only where it is documented.
        if operation.request.contains_key(":Wechatpay-Serial")
            && self.request.header("wechatpay-serial").is_some()
        {
            sent.insert(":Wechatpay-Serial".into(), Kind::String);
        }
        for part in self.parts() {
            sent.insert(format!("&{part}"), Kind::String);
        }
        if let Some(body) = self.body() {
            flatten(&body, "", &mut |path, value| {
                sent.insert(path.to_owned(), Kind::of(value));
            });
        }
        sent
    }

    /// Returns the texts in the request, by path.
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        let mut collect = |path: &str, value: &Value| {
            let found = value.as_array().into_iter().flatten().chain([value]).filter_map(Value::as_str);
            texts.extend(found.map(|text| (path.to_owned(), text.to_owned())));
        };
        if let Some(body) = self.body() {
            flatten(&body, "", &mut collect);
        }
        texts
    }

    /// Copies the texts of the request into the reply, where the reply repeats them. Encrypted fields are not copied:
    /// the reply is encrypted for another key.
    pub(super) fn with_echoed_texts(&self, mut reply: Value) -> Value {
        let (Some(Value::Object(sent)), Value::Object(fields)) = (self.body(), &mut reply) else {
            return reply;
        };
        let is_repeated = |name: &str, value: &Value| value.is_string() && !name.starts_with("encrypted_");
        for (name, value) in sent.into_iter().filter(|(name, value)| is_repeated(name, value)) {
            if let Some(field) = fields.get_mut(&name) {
                *field = value;
            }
        }
        reply
    }

    fn body(&self) -> Option<Value> {
        let is_json = self.request.header("content-type") == Some("application/json");
        let body = self.request.body();
        (is_json && !body.is_empty()).then(|| serde_json::from_slice(body).unwrap())
    }

    /// Returns the names of the parts of an upload.
    fn parts(&self) -> Vec<String> {
        let is_upload =
            self.request.header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data"));
        let body = String::from_utf8_lossy(self.request.body()).into_owned();
        let names = body.split("Content-Disposition: form-data; name=\"").skip(1);
        let names = names.map(|rest| rest.split('"').next().unwrap().to_owned());
        if is_upload { names.collect() } else { Vec::new() }
    }
}

/// Visits every member with its path.
pub(super) fn flatten(value: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    let Value::Object(members) = value else { return };
    for (name, member) in members {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        visit(&path, member);
        match member {
            Value::Array(items) => {
                for item in items {
                    flatten(item, &format!("{path}[]"), visit);
                }
            }
            other => flatten(other, &path, visit),
        }
    }
}
