//! A page of a document for people: HTML without scripts, and without any resource from elsewhere.

use serde_json::Value;
use std::fmt::Write as _;

/// Renders an OpenAPI document as one HTML page. `style` is the text of its only style sheet, which the page contains:
/// a content security policy can allow it by its hash, and nothing else.
pub fn html_page(document: &Value, style: &str) -> String {
    let mut page = Page(String::new());
    let info = document.get("info").unwrap_or(&Value::Null);
    let title = text(info, "title");
    page.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    page.raw("<meta name=\"viewport\" content=\"width=device-width\"><title>")
        .escaped(title)
        .raw("</title><style>");
    page.raw(style).raw("</style></head>\n<body><h1>").escaped(title).raw(" ").escaped(text(info, "version"));
    page.raw("</h1>\n<p>").code(text(info, "description")).raw("</p>\n");
    page.contents(document);
    for tag in list(document, "tags") {
        page.group(document, tag);
    }
    page.raw("<h2 id=\"schemas\">Schemas</h2>\n");
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        page.raw("<h3 id=\"schema-").escaped(name).raw("\">").escaped(name).raw("</h3>\n<p>");
        page.code(text(schema, "description")).raw("</p>\n").members(schema, 0);
    }
    page.raw("</body></html>\n");
    page.0
}

struct Page(String);

impl Page {
    fn raw(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    fn escaped(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Writes a text in which backticks enclose code.
    fn code(&mut self, text: &str) -> &mut Self {
        for (index, part) in text.split('`').enumerate() {
            if index.is_multiple_of(2) {
                self.escaped(part);
            } else {
                self.raw("<code>").escaped(part).raw("</code>");
            }
        }
        self
    }

    fn contents(&mut self, document: &Value) {
        self.raw("<nav><ul>");
        for tag in list(document, "tags") {
            let name = text(tag, "name");
            self.raw("<li><a href=\"#tag-").escaped(name).raw("\">").escaped(name).raw("</a></li>");
        }
        self.raw("<li><a href=\"#schemas\">Schemas</a></li></ul></nav>\n");
    }

    fn group(&mut self, document: &Value, tag: &Value) {
        let name = text(tag, "name");
        self.raw("<h2 id=\"tag-").escaped(name).raw("\">").escaped(name).raw("</h2>\n<p>");
        self.code(text(tag, "description")).raw("</p>\n");
        let root = list(document, "servers").first().map_or("", |server| text(server, "url"));
        let paths = document.get("paths").and_then(Value::as_object);
        for (path, methods) in paths.into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                if list(operation, "tags").iter().any(|tag| tag.as_str() == Some(name)) {
                    let path = format!("{}{path}", root.trim_end_matches('/'));
                    self.operation(document, &method.to_uppercase(), &path, operation);
                }
            }
        }
    }

    fn operation(&mut self, document: &Value, method: &str, path: &str, operation: &Value) {
        let id = text(operation, "operationId");
        self.raw("<section id=\"").escaped(id).raw("\"><h3>").escaped(method).raw(" <code>").escaped(path);
        self.raw("</code></h3>\n<p>").code(text(operation, "summary")).raw("</p>\n");
        self.security(document, operation);
        let parameters = list(operation, "parameters");
        if !parameters.is_empty() {
            self.raw("<h4>Parameters</h4><dl>\n");
            for parameter in parameters {
                let schema = parameter.get("schema").unwrap_or(&Value::Null);
                let is_required = parameter.get("required") == Some(&Value::Bool(true));
                let place = format!("{}, {}", text(parameter, "in"), describe(schema));
                self.entry(text(parameter, "name"), &place, is_required, text(schema, "description"));
                self.raw("</dd>\n");
            }
            self.raw("</dl>\n");
        }
        if let Some(body) = operation.pointer("/requestBody/content/application~1json/schema") {
            self.raw("<h4>Body</h4>\n").members(body, 0);
        }
        self.raw("<h4>Responses</h4><dl>\n");
        let responses = operation.get("responses").and_then(Value::as_object);
        for (status, response) in responses.into_iter().flatten() {
            let response = resolve(document, response);
            self.raw("<dt>").escaped(status).raw("</dt><dd>").code(text(response, "description"));
            for (media_type, content) in
                response.get("content").and_then(Value::as_object).into_iter().flatten()
            {
                self.raw(" <small>").escaped(media_type).raw("</small> ");
                self.link(content.get("schema").unwrap_or(&Value::Null));
            }
            self.raw("</dd>\n");
        }
        self.raw("</dl></section>\n");
    }

    fn security(&mut self, document: &Value, operation: &Value) {
        let requirements = operation.get("security").or_else(|| document.get("security"));
        let requirements = requirements.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if requirements.is_empty() {
            self.raw("<p class=\"scope\">No authentication.</p>\n");
        }
        for (scheme, scopes) in requirements.iter().filter_map(Value::as_object).flatten() {
            let scopes = scopes.as_array().map(Vec::as_slice).unwrap_or_default();
            let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
            self.raw("<p class=\"scope\">Requires <code>").escaped(scheme).raw("</code>");
            if !scopes.is_empty() {
                self.raw(" with <code>").escaped(&scopes.join(" ")).raw("</code>");
            }
            self.raw(".</p>\n");
        }
    }

    /// Writes the members of an object, those of inner objects included.
    fn members(&mut self, schema: &Value, depth: usize) -> &mut Self {
        // The document is a constant of the program; the limit is only a guard against one that refers to itself.
        const MAX_DEPTH: usize = 8;
        let properties = schema.get("properties").and_then(Value::as_object);
        let (Some(properties), true) = (properties.filter(|all| !all.is_empty()), depth < MAX_DEPTH) else {
            return self;
        };
        self.raw("<dl>\n");
        for (name, member) in properties {
            let is_required = list(schema, "required").iter().any(|required| required.as_str() == Some(name));
            self.entry(name, &describe(member), is_required, text(member, "description"));
            self.raw(" ").link(member).members(member, depth.saturating_add(1));
            if let Some(items) = member.get("items") {
                self.members(items, depth.saturating_add(1));
            }
            self.raw("</dd>\n");
        }
        self.raw("</dl>\n")
    }

    /// Begins the entry of a list of definitions.
    fn entry(&mut self, name: &str, kind: &str, is_required: bool, description: &str) {
        self.raw("<dt><code>").escaped(name).raw("</code> <small>").escaped(kind);
        self.raw(if is_required { ", required" } else { "" }).raw("</small></dt><dd>").code(description);
    }

    /// Writes links to the schemas that a schema references.
    fn link(&mut self, schema: &Value) -> &mut Self {
        let inner = schema.get("items").into_iter().chain(list(schema, "anyOf")).chain(list(schema, "oneOf"));
        for schema in std::iter::once(schema).chain(inner) {
            if let Some(name) = text(schema, "$ref").strip_prefix("#/components/schemas/") {
                self.raw("<a href=\"#schema-").escaped(name).raw("\">").escaped(name).raw("</a> ");
            }
        }
        self
    }
}

/// Describes the type and the limits of a schema in a few words.
fn describe(schema: &Value) -> String {
    let mut words = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
            kinds.join(" or ")
        }
        _ if schema.get("anyOf").is_some() => String::from("any of"),
        _ => String::from("object"),
    };
    for name in
        ["format", "pattern", "minLength", "maxLength", "minimum", "maximum", "maxItems", "maxProperties"]
    {
        match schema.get(name) {
            Some(Value::String(value)) => write!(words, ", {name} {value}").unwrap_or_default(),
            Some(value) => write!(words, ", {name} {value}").unwrap_or_default(),
            None => {}
        }
    }
    let values: Vec<&str> = list(schema, "enum").iter().filter_map(Value::as_str).collect();
    if !values.is_empty() {
        write!(words, ": {}", values.join(", ")).unwrap_or_default();
    }
    words
}

/// Returns the response that a reference stands for.
fn resolve<'a>(document: &'a Value, response: &'a Value) -> &'a Value {
    let target = text(response, "$ref").strip_prefix('#').and_then(|pointer| document.pointer(pointer));
    target.unwrap_or(response)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn page_shows_every_operation_and_escapes_texts() {
        let document = json!({
            "info": { "title": "<shop>", "version": "1", "description": "Has `code` & more." },
            "servers": [{ "url": "/api" }],
            "security": [{ "key": ["orders:read"] }],
            "tags": [{ "name": "orders", "description": "Orders." }],
            "paths": { "/orders/{number}": { "get": {
                "operationId": "get_order", "tags": ["orders"], "summary": "Returns it.",
                "parameters": [{ "name": "number", "in": "path", "required": true, "schema": { "type": "string", "maxLength": 3 } }],
                "responses": { "200": { "description": "Success.", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Order" } } } } },
            } } },
            "components": { "schemas": { "Order": { "type": "object", "description": "An order.", "required": ["amount"],
                "properties": { "amount": { "type": "object", "properties": { "total": { "type": "integer", "description": "Fen." } } } } } } },
        });
        let page = html_page(&document, "body{color:#000}");
        for part in [
            "<title>&lt;shop&gt;</title>",
            "Has <code>code</code> &amp; more.",
            "<h3>GET <code>/api/orders/{number}</code></h3>",
            "with <code>orders:read</code>",
            "string, maxLength 3, required",
            "<a href=\"#schema-Order\">Order</a>",
            "<h3 id=\"schema-Order\">",
            "<code>total</code>",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        for forbidden in ["<script", "http:", "https:", "<shop>", "style=", "onclick"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
