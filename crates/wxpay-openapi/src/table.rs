//! The table of routes: finds the route of a request, and validates its path, query and headers.

use crate::{
    field::{Field, check_required},
    invalid::Invalid,
    percent,
    route::{Route, RouteGroup},
};
use serde_json::{Map, Value};

/// The table of all routes.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_structs, reason = "tables are declared as literals")]
pub struct Table<H: 'static> {
    /// Path prefix of all routes; it ends with a slash.
    pub root: &'static str,
    /// Every route. If several paths match a request, the first one is used.
    pub groups: &'static [RouteGroup<H>],
    /// Every path parameter.
    pub parameters: &'static [Field],
}

/// The error of a request that has no route.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "an application must answer both")]
pub enum NoRoute {
    /// No route has the path.
    UnknownPath,
    /// No route of the path has the method; these are the ones that exist.
    MethodNotAllowed(Vec<&'static str>),
}

impl<H> Table<H> {
    /// Yields every route.
    pub fn routes(&self) -> impl Iterator<Item = &'static Route<H>> + use<H> {
        self.groups.iter().flat_map(|group| group.routes)
    }

    /// Returns the parameter that a path segment such as `{mchid}` stands for, or `None` for a literal segment.
    pub fn parameter(&self, segment: &str) -> Option<&'static Field> {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        self.parameters.iter().find(|field| field.name == name)
    }

    /// Finds the route of a method and a path.
    ///
    /// # Errors
    ///
    /// If no route has the path, or none of the path has the method.
    pub fn find(&self, method: &str, path: &str) -> Result<&'static Route<H>, NoRoute> {
        let path = self.strip_root(path);
        let template = self.routes().find(|route| self.matches(route.path, path)).map(|route| route.path);
        let template = template.ok_or(NoRoute::UnknownPath)?;
        let at_path = || self.routes().filter(|route| route.path == template);
        at_path()
            .find(|route| route.method == method)
            .ok_or_else(|| NoRoute::MethodNotAllowed(at_path().map(|route| route.method).collect()))
    }

    /// Returns the path parameters of a request, by name.
    ///
    /// # Errors
    ///
    /// If one of them breaks its rule.
    pub fn path_values(&self, route: &Route<H>, path: &str) -> Result<Map<String, Value>, Invalid> {
        let mut members = Map::new();
        for (template, segment) in route.path.split('/').zip(self.strip_root(path).split('/')) {
            if let Some(field) = self.parameter(template) {
                let value = field.kind.parse(decode(field.name, segment)?);
                field.check(&value)?;
                members.insert(field.name.into(), value);
            }
        }
        Ok(members)
    }

    /// Returns the path below the root: an empty one for a path outside of it.
    fn strip_root<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.root).unwrap_or_default()
    }

    fn matches(&self, template: &str, path: &str) -> bool {
        let fits = |(template, segment)| template == segment || self.parameter(template).is_some();
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(fits)
    }
}

impl<H> Route<H> {
    /// Returns the query parameters of a request, by name.
    ///
    /// # Errors
    ///
    /// If one of them is unknown, breaks its rule, is given twice, or is required and absent.
    pub fn query_values(&self, query: &str) -> Result<Map<String, Value>, Invalid> {
        let mut members = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = percent::decode_lossy(name);
            let field = self.query_fields().find(|field| field.name == name);
            let field = field.ok_or_else(|| Invalid::unknown(name.as_str()))?;
            let value = field.kind.parse(decode(field.name, &value.replace('+', " "))?);
            field.check(&value)?;
            if members.insert(name, value).is_some() {
                return Err(Invalid::value(field.name, "must be given only once"));
            }
        }
        check_required(self.query, &members)?;
        Ok(members)
    }

    /// Returns the declared headers of a request, by name. `header` returns the value of a header, which is text.
    ///
    /// # Errors
    ///
    /// If one of them breaks its rule, or is required and absent.
    pub fn header_values<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Result<Map<String, Value>, Invalid> {
        let mut members = Map::new();
        for field in self.headers {
            if let Some(text) = header(field.name) {
                let value = field.kind.parse(text.trim().into());
                field.check(&value)?;
                members.insert(field.name.into(), value);
            }
        }
        check_required(self.headers, &members)?;
        Ok(members)
    }
}

/// Decodes a parameter of the URL.
fn decode(name: &str, text: &str) -> Result<String, Invalid> {
    percent::decode(text).ok_or_else(|| Invalid::value(name, "must be percent-encoded UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, LETTERS, Schema, optional, required};
    use serde_json::json;

    const TABLE: Table<()> = Table {
        root: "/api/",
        groups: &[RouteGroup {
            name: "orders",
            description: "",
            routes: &[
                Route::get("orders/{number}", "get_order", "", Schema::Object, ()).with_query(&[
                    optional("limit", Kind::Number(1, 9), ""),
                    optional("name", Kind::Text(0, 9, ""), ""),
                ]),
                Route::post("orders", "create_order", "", Schema::Object, ()).with_headers(&[optional(
                    "Idempotency-Key",
                    Kind::Text(1, 3, LETTERS),
                    "",
                )]),
                Route::post("orders/{number}/close", "close_order", "", Schema::Object, ()),
            ],
        }],
        parameters: &[required("number", Kind::Text(1, 3, LETTERS), "")],
    };

    #[test]
    fn route_is_found_by_method_and_path() {
        let found = |method, path| TABLE.find(method, path).map(|route| route.id);
        assert_eq!(found("GET", "/api/orders/A1"), Ok("get_order"));
        assert_eq!(found("POST", "/api/orders/A1/close"), Ok("close_order"));
        assert_eq!(found("PUT", "/api/orders"), Err(NoRoute::MethodNotAllowed(vec!["POST"])));
        for path in
            ["/api", "/api/", "/orders", "/api/orders/", "/api/orders/A1/", "/api//orders", "/api/Orders"]
        {
            let error = found("DELETE", path).unwrap_err();
            let expected = if path == "/api/orders/" {
                NoRoute::MethodNotAllowed(vec!["GET"])
            } else {
                NoRoute::UnknownPath
            };
            assert_eq!(error, expected, "{path}");
        }
    }

    #[test]
    fn path_and_query_are_decoded_and_checked() {
        let route = TABLE.find("GET", "/api/orders/A1").unwrap();
        assert_eq!(json!(TABLE.path_values(route, "/api/orders/%41%31").unwrap()), json!({ "number": "A1" }));
        for path in ["/api/orders/A-1", "/api/orders/", "/api/orders/%ff", "/api/orders/A%2F1"] {
            assert_eq!(TABLE.path_values(route, path).unwrap_err().field, "number", "{path}");
        }
        let query = |query| route.query_values(query);
        assert_eq!(json!(query("limit=5&&name=a+b%2B").unwrap()), json!({ "limit": 5, "name": "a b+" }));
        for (text, message) in [
            ("limit=0", "limit must be a whole number from 1 to 9"),
            ("limit=1&limit=1", "limit must be given only once"),
            ("size=1", "size is an unknown field"),
            ("name=%ff", "name must be percent-encoded UTF-8"),
        ] {
            assert_eq!(query(text).unwrap_err().to_string(), message);
        }
    }

    #[test]
    fn declared_headers_are_checked() {
        let route = TABLE.find("POST", "/api/orders").unwrap();
        let values = |text: Option<&'static str>| route.header_values(|_| text);
        assert_eq!(json!(values(Some(" abc ")).unwrap()), json!({ "Idempotency-Key": "abc" }));
        assert!(values(None).unwrap().is_empty());
        assert_eq!(values(Some("abcd")).unwrap_err().field, "Idempotency-Key");
    }
}
