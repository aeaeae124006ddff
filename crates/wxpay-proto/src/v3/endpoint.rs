//! One operation: what it wants to say, and how its reply is read.

use super::{
    merchant::Merchant,
    seal::{Pen, Sensitive},
    verify::Verified,
};
use crate::{
    error::{Debt, Error},
    http::Method,
    refusal::Refusal,
    wire::{json, multipart::Upload},
    world::World,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// One operation of the third generation, as a plain value.
///
/// It may be implemented elsewhere: an operation that has no type here yet is one `impl` away, or goes through
/// [`Raw`](super::Raw).
pub trait Endpoint: fmt::Debug + Send {
    /// What a good reply says.
    type Output: Send;

    /// What to send, written once: every try sends these bytes. Sensitive fields are sealed by the pen, which also
    /// sees to it that the key is at hand and named.
    ///
    /// # Errors
    ///
    /// When a field cannot be sealed: pass on what the pen says.
    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error>;

    /// Reads a good reply (2xx, verified).
    ///
    /// # Errors
    ///
    /// When it is not what the document promises.
    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<Self::Output, Error>;

    /// What a verified refusal says, where it is an answer: "no such order" to a query. `None` where it is a
    /// refusal.
    fn refused(&self, refusal: &Refusal) -> Option<Self::Output> {
        let _ = refusal;
        None
    }

    /// Whether it may be sent again when it is not known what became of it.
    fn repeat(&self) -> Repeat {
        Repeat::SameNumber
    }

    /// What is owed if it is not known what became of it. `None` where nothing could have changed, or nothing could
    /// be asked.
    fn debt(&self) -> Option<Debt> {
        None
    }
}

/// Whether a request may be sent again when its reply was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth answer")]
pub enum Repeat {
    /// It changes nothing.
    Freely,
    /// It carries a number that makes it happen once.
    SameNumber,
    /// Nothing protects it.
    Never,
}

/// What an operation wants to say, before it is signed. `Debug` shows label, method and length: targets and bodies
/// name people.
#[derive(Clone)]
pub struct Draft {
    label: &'static str,
    method: Method,
    target: String,
    accept: &'static str,
    content: Content,
}

/// A request's body.
#[derive(Clone)]
pub(super) enum Content {
    Nothing,
    Json(Vec<u8>),
    Upload(Upload),
}

impl Draft {
    /// A request without a body.
    ///
    /// `label` is a short fixed name for logs and metrics, such as `v3.pay.query`.
    #[must_use]
    pub fn new(label: &'static str, method: Method, target: impl Into<String>) -> Self {
        Self { label, method, target: target.into(), accept: "application/json", content: Content::Nothing }
    }

    /// A `GET`.
    #[must_use]
    pub fn get(label: &'static str, target: impl Into<String>) -> Self {
        Self::new(label, Method::Get, target)
    }

    /// A `GET` of a file, which may be of any type.
    pub(super) fn file(label: &'static str, target: impl Into<String>) -> Self {
        Self { accept: "*/*", ..Self::get(label, target) }
    }

    /// A `POST` of a JSON text.
    #[must_use]
    pub fn post(label: &'static str, target: impl Into<String>, body: &impl serde::Serialize) -> Self {
        Self::new(label, Method::Post, target).json(json::write(body))
    }

    /// With a JSON text as its body, byte for byte.
    #[must_use]
    pub fn json(self, text: Vec<u8>) -> Self {
        Self { content: Content::Json(text), ..self }
    }

    /// A `POST` of a file; its `meta` part alone is signed.
    #[must_use]
    pub fn upload(label: &'static str, target: impl Into<String>, upload: Upload) -> Self {
        Self { content: Content::Upload(upload), ..Self::new(label, Method::Post, target) }
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        self.label
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// Path and query, as they are signed and sent.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The bytes that are signed: the body, or an upload's `meta` part.
    #[must_use]
    pub fn signed(&self) -> &[u8] {
        match &self.content {
            Content::Nothing => b"",
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
            .field("signed_len", &self.signed().len())
            .finish_non_exhaustive()
    }
}

/// Path and query, escaped as they are written: what is not `A-Z a-z 0-9 - . _ ~` becomes `%XX`.
///
/// ```
/// use wxpay_proto::v3::Target;
///
/// let target = Target::new("/v3/pay/transactions/out-trade-no").segment("A*1").query("mchid", "1900007291");
/// assert_eq!(target.as_str(), "/v3/pay/transactions/out-trade-no/A%2A1?mchid=1900007291");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// A fixed path, as documented.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// Adds a part of the path: a slash, and the text escaped. Before any query.
    #[must_use]
    pub fn segment(mut self, text: &str) -> Self {
        self.0.push('/');
        self.escape(text);
        self
    }

    /// Adds fixed text to the path, as documented.
    #[must_use]
    pub fn then(mut self, path: &str) -> Self {
        self.0.push_str(path);
        self
    }

    /// Adds a parameter; `name` as documented, the value escaped.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.0.push(if self.0.contains('?') { '&' } else { '?' });
        self.0.push_str(name);
        self.0.push('=');
        self.escape(value);
        self
    }

    /// Adds a parameter if there is a value.
    #[must_use]
    pub fn query_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// The text.
    #[must_use]
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

/// It may name people.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({} bytes)", self.0.len())
    }
}

/// Erases the operation, when many kinds of call must share one queue.
impl<E: Endpoint + ?Sized> Endpoint for Box<E> {
    type Output = E::Output;

    fn draft(&self, pen: &mut Pen<'_, '_>) -> Result<Draft, Error> {
        (**self).draft(pen)
    }

    fn read(&self, reply: Verified<'_>, me: &Merchant, world: &mut World<'_>) -> Result<E::Output, Error> {
        (**self).read(reply, me, world)
    }

    fn refused(&self, refusal: &Refusal) -> Option<E::Output> {
        (**self).refused(refusal)
    }

    fn repeat(&self) -> Repeat {
        (**self).repeat()
    }

    fn debt(&self) -> Option<Debt> {
        (**self).debt()
    }
}

/// A trait object can be made of it.
const _: fn(&dyn Endpoint<Output = Sensitive>) = |_| ();
