//! One operation: the request it sends, and the reading of its reply.

use super::{
    merchant::Merchant,
    seal::{RequestWriter, Sensitive},
    verify::Verified,
};
use crate::{
    error::Error,
    http::Method,
    pending::PendingOperation,
    prelude::*,
    refusal::{Code, Refusal},
    wire::{json, multipart::Upload},
    world::World,
};
use core::fmt;

/// One operation of APIv3, as a plain value.
///
/// You may implement this trait for operations that have no type here yet, or call them through [`Raw`](super::Raw). An
/// operation of your own is signed, sent, retried and verified like every other. The example `own_operation` of
/// `wxpay-hyper` has two.
///
/// ```
/// use wxpay_proto::{Error, Fen, world::World};
/// use wxpay_proto::v3::{Draft, Endpoint, Idempotency, Merchant, RequestWriter, Target, Verified};
///
/// /// Queries the amount of an account that can be withdrawn.
/// #[derive(Debug)]
/// struct QueryBalance {
///     account_type: &'static str,
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Balance {
///     available_amount: Fen,
/// }
///
/// impl Endpoint for QueryBalance {
///     type Output = Fen;
///
///     fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
///         let target = Target::new("/v3/merchant/fund/balance").segment(self.account_type);
///         Ok(Draft::get("v3.fund.balance", target))
///     }
///
///     fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Fen, Error> {
///         reply.parse().map(|Balance { available_amount }| available_amount)
///     }
///
///     fn idempotency(&self) -> Idempotency {
///         Idempotency::Safe
///     }
/// }
/// ```
pub trait Endpoint: fmt::Debug + Send + 'static {
    /// The result of a successful reply.
    type Output: Send + 'static;

    /// Writes the request. Every attempt of the call sends these bytes. `writer` seals sensitive fields, and makes the
    /// call fetch and name the sealing key. If the key must be fetched first, the request is drafted again.
    ///
    /// # Errors
    ///
    /// Must return the error of `writer` unchanged if a field cannot be sealed.
    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error>;

    /// Reads a successful reply: verified, and no error object. Its HTTP status may be any, because it is not signed.
    ///
    /// The signature does not cover the request, so compare the number in the reply with that of the request. Make each
    /// member optional that the result does not rest on: an unreadable reply is an error, although the request was
    /// carried out.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if the reply deviates from WeChat Pay's documentation. The request is not sent again: a
    /// verified success is proof that it was carried out. Only an empty body proves nothing, unless this accepts it.
    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<Self::Output, Error>;

    /// Reads a verified refusal that is a regular result, such as "no such order" for a query. Decide by the code: the
    /// HTTP status is not signed. Returns `None` if the refusal is an error.
    fn read_refusal(&self, refusal: &Refusal) -> Option<Self::Output> {
        let _ = refusal;
        None
    }

    /// Returns whether the request may be sent again while the outcome of an earlier attempt is unknown.
    fn idempotency(&self) -> Idempotency {
        Idempotency::ByNumber
    }

    /// Returns whether a refusal by the gateway's own check of fields ends the call, although the gateway does not sign
    /// it. Return `true` only if a forged refusal can move no money: the merchant sends the same request again, and
    /// nothing else follows. By default, such a refusal leaves the outcome unknown.
    fn trusts_field_check(&self) -> bool {
        false
    }

    /// Returns whether a refusal with this code, which WeChat Pay documents as final, proves that nothing was carried
    /// out. Return `false` if WeChat Pay also refuses with it what is done already: the outcome is unknown then.
    fn is_final(&self, _code: &Code) -> bool {
        true
    }

    /// Returns whether a successful reply has a top-level member `code`, as otherwise only error objects have. Codes
    /// that WeChat Pay documents as errors are still read as errors.
    fn success_has_code(&self) -> bool {
        false
    }

    /// Returns the key of the operation, to resolve it if the outcome is unknown: that of its query, by
    /// [`Resolver::pending`](super::Resolver::pending). Returns `None` if the operation changes nothing, or cannot be
    /// queried.
    fn pending_operation(&self) -> Option<PendingOperation> {
        None
    }
}

/// The idempotency of a request: whether it may be sent again when its reply was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth case")]
pub enum Idempotency {
    /// The request is a read: it changes nothing, may be sent any number of times, and its errors have no
    /// [fate](Error::fate).
    Safe,
    /// The request contains the merchant's own number: with the same number, it takes effect once.
    ByNumber,
    /// The request is not idempotent: sent twice, it may take effect twice.
    None,
}

/// An operation's request before it is signed. `Debug` shows label, method and length only: targets and bodies contain
/// personal data.
#[derive(Clone)]
#[must_use]
pub struct Draft {
    label: &'static str,
    method: Method,
    target: String,
    accept: &'static str,
    content: Content,
}

/// The body of a request.
#[derive(Clone)]
pub(super) enum Content {
    Empty,
    Json(Vec<u8>),
    Upload(Upload),
}

impl Draft {
    /// Creates a request without a body.
    ///
    /// `label` is a short fixed name for logs and metrics, such as `v3.pay.query`.
    pub fn new(label: &'static str, method: Method, target: impl Into<String>) -> Self {
        Self { label, method, target: target.into(), accept: "application/json", content: Content::Empty }
    }

    /// Creates a `GET` request.
    pub fn get(label: &'static str, target: impl Into<String>) -> Self {
        Self::new(label, Method::Get, target)
    }

    /// Creates a `GET` request for a file: it accepts any media type.
    pub(super) fn file(label: &'static str, target: impl Into<String>) -> Self {
        Self { accept: "*/*", ..Self::get(label, target) }
    }

    /// Creates a `POST` request with a JSON body.
    pub fn post(label: &'static str, target: impl Into<String>, body: &impl serde::Serialize) -> Self {
        Self::new(label, Method::Post, target).json(json::write(body))
    }

    /// Sets the body to a JSON text, byte for byte.
    pub fn json(self, text: Vec<u8>) -> Self {
        Self { content: Content::Json(text), ..self }
    }

    /// Creates a `POST` request that uploads a file; only its `meta` part is signed.
    pub fn upload(label: &'static str, target: impl Into<String>, upload: Upload) -> Self {
        Self { content: Content::Upload(upload), ..Self::new(label, Method::Post, target) }
    }

    /// Returns the label, for logs and metrics.
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// Returns the method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the request target: path and query, as signed and sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the bytes that are signed: the body, or an upload's `meta` part.
    pub fn signed_bytes(&self) -> &[u8] {
        match &self.content {
            Content::Empty => b"",
            Content::Json(text) => text,
            Content::Upload(upload) => upload.meta(),
        }
    }

    pub(super) fn accept(&self) -> &'static str {
        self.accept
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("label", &self.label)
            .field("method", &self.method)
            .field("signed_len", &self.signed_bytes().len())
            .finish_non_exhaustive()
    }
}

/// A request target: path and query, with values percent-encoded except `A-Z a-z 0-9 - . _ ~`.
///
/// ```
/// use wxpay_proto::v3::Target;
///
/// let target = Target::new("/v3/pay/transactions/out-trade-no").segment("A*1").query("mchid", "1900007291");
/// assert_eq!(target.as_str(), "/v3/pay/transactions/out-trade-no/A%2A1?mchid=1900007291");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Target(String);

impl Target {
    /// Creates a target from a fixed path, which is not escaped.
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Appends a path segment: a slash, and the text escaped. Call this before [`query`](Self::query).
    pub fn segment(mut self, text: &str) -> Self {
        self.0.push('/');
        self.escape(text);
        self
    }

    /// Appends fixed text to the path, which is not escaped.
    pub fn append(mut self, path: &str) -> Self {
        self.0.push_str(path);
        self
    }

    /// Appends a query parameter; `name` is not escaped, the value is.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.escape(value);
        self
    }

    /// Appends a query parameter if there is a value.
    pub fn query_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Returns the target as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn escape(&mut self, text: &str) {
        crate::wire::form::escape(text.as_bytes(), &mut self.0);
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.0
    }
}

/// Shows the length only: targets may contain personal data.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} bytes)", self.0.len())
    }
}

/// Forwards to the boxed operation, so that calls of several kinds can share one queue.
impl<E: Endpoint + ?Sized> Endpoint for Box<E> {
    type Output = E::Output;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        (**self).draft(writer)
    }

    fn read(
        &self,
        reply: Verified<'_>,
        merchant: &Merchant,
        world: &mut World<'_>,
    ) -> Result<E::Output, Error> {
        (**self).read(reply, merchant, world)
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<E::Output> {
        (**self).read_refusal(refusal)
    }

    fn idempotency(&self) -> Idempotency {
        (**self).idempotency()
    }

    fn trusts_field_check(&self) -> bool {
        (**self).trusts_field_check()
    }

    fn is_final(&self, code: &Code) -> bool {
        (**self).is_final(code)
    }

    fn success_has_code(&self) -> bool {
        (**self).success_has_code()
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        (**self).pending_operation()
    }
}

/// Asserts at compile time that `Endpoint` is dyn-compatible.
const _: fn(&dyn Endpoint<Output = Sensitive>) = |_| ();
