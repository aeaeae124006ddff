//! Routes: path, method, parameters and responses.

use crate::{
    field::Field,
    schema::{Record, Schema},
};

/// A group of routes about one resource, which becomes a tag of the document.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "groups are declared as literals")]
pub struct RouteGroup<H: 'static> {
    /// The name.
    pub name: &'static str,
    /// The description in the document.
    pub description: &'static str,
    /// The routes.
    pub routes: &'static [Route<H>],
}

/// A route: one method of one path. `H` is the application's handler.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Route<H> {
    /// The HTTP method.
    pub method: &'static str,
    /// Path below the root, with parameters in braces.
    pub path: &'static str,
    /// Operation id in the document; unique.
    pub id: &'static str,
    /// The summary in the document.
    pub summary: &'static str,
    /// Request headers.
    pub headers: &'static [Field],
    /// Query parameters.
    pub query: &'static [Field],
    /// Query parameters of the pages; empty unless the response is a list that is returned page by page.
    pub page: &'static [Field],
    /// The request body.
    pub body: Body,
    /// Status of a successful response.
    pub status: u16,
    /// Other statuses of successful responses with the same schema, each with its condition.
    pub other_statuses: &'static [(u16, &'static str)],
    /// The media type of a successful response.
    pub media_type: &'static str,
    /// Schema of a successful response, unless it has no content.
    pub response: Option<Schema>,
    /// Response headers of this route.
    pub response_headers: &'static [Header],
    /// Error statuses besides that of invalid fields, each with its condition.
    pub problems: &'static [(u16, &'static str)],
    /// The security of the route.
    pub security: Security,
    /// The application's handler.
    pub handler: H,
}

/// A response header.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "headers are declared as literals")]
pub struct Header {
    /// The name.
    pub name: &'static str,
    /// The schema of the value.
    pub schema: Schema,
    /// The description in the document.
    pub description: &'static str,
}

/// The security of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// That of the whole document.
    Document,
    /// None: anybody may send the request.
    Public,
    /// A scheme of the document, with the scopes that the credentials must have.
    Scopes(&'static str, &'static [&'static str]),
}

/// Schema of a request body.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums, reason = "an application must handle every kind of body")]
pub enum Body {
    /// No body, or an empty object.
    None,
    /// An object with these members; an empty body counts as an empty object.
    Optional(&'static [Field]),
    /// An object with these members; the body is required.
    Required(&'static [Field]),
    /// An object with any of these members; an empty body counts as an empty object.
    Settings(fn() -> Vec<Field>),
    /// An object whose members depend on its member `kind`.
    ByKind(fn() -> Vec<Variant>),
    /// An object in one of these forms, which the route itself parses: its members are signed as received.
    Parameters(&'static [Record]),
    /// A body of this media type, which the route itself parses.
    Raw(&'static str),
}

/// Schema of a body for a set of values of `kind`.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "variants are declared as literals")]
pub struct Variant {
    /// The name in the document.
    pub name: String,
    /// The values of `kind`.
    pub kinds: Vec<&'static str>,
    /// The members.
    pub fields: Vec<Field>,
    /// Members that allow only some of the values that their fields list.
    pub choices: Vec<(&'static str, Vec<&'static str>)>,
    /// Two mutually exclusive members, which are strings.
    pub exclusive: [&'static str; 2],
}

impl<H: Copy> Route<H> {
    /// Declares a GET route that returns JSON with status 200.
    pub const fn get(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        response: Schema,
        handler: H,
    ) -> Self {
        Self {
            method: "GET",
            path,
            id,
            summary,
            headers: &[],
            query: &[],
            page: &[],
            body: Body::None,
            status: 200,
            other_statuses: &[],
            media_type: "application/json",
            response: Some(response),
            response_headers: &[],
            problems: &[],
            security: Security::Document,
            handler,
        }
    }

    /// Declares a POST route that returns JSON with status 200.
    pub const fn post(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        response: Schema,
        handler: H,
    ) -> Self {
        Self { method: "POST", ..Self::get(path, id, summary, response, handler) }
    }

    /// Sets the method.
    #[must_use]
    pub const fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    /// Sets the request headers.
    #[must_use]
    pub const fn with_headers(self, headers: &'static [Field]) -> Self {
        Self { headers, ..self }
    }

    /// Sets the query parameters.
    #[must_use]
    pub const fn with_query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    /// Sets the request body.
    #[must_use]
    pub const fn with_body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    /// Sets the status of a successful response to 201.
    #[must_use]
    pub const fn created(self) -> Self {
        Self { status: 201, ..self }
    }

    /// Sets the status of a successful response to 204, without content.
    #[must_use]
    pub const fn no_content(self) -> Self {
        Self { status: 204, response: None, ..self }
    }

    /// Sets other statuses of successful responses, each with its condition.
    #[must_use]
    pub const fn with_other_statuses(self, other_statuses: &'static [(u16, &'static str)]) -> Self {
        Self { other_statuses, ..self }
    }

    /// Sets the media type of a successful response.
    #[must_use]
    pub const fn with_media_type(self, media_type: &'static str) -> Self {
        Self { media_type, ..self }
    }

    /// Sets the response headers of this route.
    #[must_use]
    pub const fn with_response_headers(self, response_headers: &'static [Header]) -> Self {
        Self { response_headers, ..self }
    }

    /// Sets the error statuses, each with its condition.
    #[must_use]
    pub const fn with_problems(self, problems: &'static [(u16, &'static str)]) -> Self {
        Self { problems, ..self }
    }

    /// Sets the security.
    #[must_use]
    pub const fn with_security(self, security: Security) -> Self {
        Self { security, ..self }
    }

    /// Declares a list that is returned page by page, with its parameters.
    #[must_use]
    pub const fn paged(self, page: &'static [Field]) -> Self {
        Self { page, ..self }
    }
}

impl<H> Route<H> {
    /// Returns the query parameters, those of pages included.
    pub fn query_fields(&self) -> impl Iterator<Item = &'static Field> + Clone + use<H> {
        self.query.iter().chain(self.page)
    }
}
