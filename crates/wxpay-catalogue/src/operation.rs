//! An operation of a description.

use crate::schema::Schema;
use std::sync::Arc;

/// An operation: its method and path, the fields of its request, and its reply.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The method, upper-case.
    pub method: &'static str,
    /// The path. Parts in braces are parameters.
    pub path: String,
    /// The title.
    pub summary: String,
    /// The description, which often links to the official page.
    pub description: String,
    /// The products.
    pub tags: Vec<String>,
    /// The kinds of merchants that may call it (`x-role`).
    pub roles: Vec<String>,
    /// True if the description marks it as deprecated.
    pub is_deprecated: bool,
    /// The parameters of the path and the query.
    pub parameters: Vec<Parameter>,
    /// The body of the request.
    pub body: Body,
    /// True if the header `Wechatpay-Serial` is required.
    pub requires_serial: bool,
    /// The successful reply.
    pub reply: Reply,
}

/// A parameter of the path or the query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// The name.
    pub name: String,
    /// True for a parameter of the path, false for one of the query.
    pub is_in_path: bool,
    /// True if it is required.
    pub is_required: bool,
    /// The schema of the value, which is a text on the wire.
    pub schema: Arc<Schema>,
}

/// The body of a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Body {
    /// No body.
    None,
    /// A JSON value.
    Json {
        /// Its schema.
        schema: Arc<Schema>,
        /// True if it is required.
        is_required: bool,
    },
    /// A file, and a JSON object that describes it, as `multipart/form-data`.
    Upload {
        /// The schema of the part `meta`.
        meta: Arc<Schema>,
    },
}

/// The successful reply of an operation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The schema of the JSON body, if there is one.
    pub schema: Option<Arc<Schema>>,
    /// The content type of a reply that is a file.
    pub file_type: Option<String>,
}

impl Operation {
    /// Returns the parameters of one place.
    pub fn parameters_in(&self, is_in_path: bool) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.is_in_path == is_in_path)
    }

    /// Returns the schema of the JSON body, or of the part `meta` of an upload.
    pub fn body_schema(&self) -> Option<&Arc<Schema>> {
        match &self.body {
            Body::None => None,
            Body::Json { schema, .. } | Body::Upload { meta: schema } => Some(schema),
        }
    }
}

/// Returns the name of a parameter in a part of a path, such as `out_trade_no` of `{out_trade_no}`.
pub(crate) fn parameter_name(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}
