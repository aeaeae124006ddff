//! JSON interfaces declared once: fields, records and routes, validated and published as OpenAPI 3.1.
//!
//! A route is a constant that names its path, parameters, body, responses and problems. [`Table`] finds the route of a
//! request and validates it; [`Document`] publishes the same table. There is no I/O.
//!
//! ```
//! use wxpay_openapi::{Body, Kind, LETTERS, Route, RouteGroup, Schema, Table, check_members, required};
//!
//! type Handler = fn() -> u16;
//!
//! const TABLE: Table<Handler> = Table {
//!     root: "/api/",
//!     groups: &[RouteGroup {
//!         name: "orders",
//!         description: "Orders.",
//!         routes: &[Route::<Handler>::post("orders/{number}/pay", "pay", "Pays the order.", Schema::Object, || 200)
//!             .with_body(Body::Required(&[required("total", Kind::Fen(1, 100), "The amount.")]))],
//!     }],
//!     parameters: &[required("number", Kind::Text(1, 32, LETTERS), "The number.")],
//! };
//!
//! let route = TABLE.find("POST", "/api/orders/A1/pay").map_err(|_| "no route")?;
//! assert_eq!(TABLE.path_values(route, "/api/orders/A1/pay")?["number"], "A1");
//! let Body::Required(fields) = route.body else { return Err("no body".into()) };
//! let body = wxpay_openapi::parse_object(br#"{"total": 0}"#, 8)?;
//! let error = check_members(fields, &body).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "total must be a whole number of fen from 1 to 100, without a dot or an exponent"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod class;
mod document;
mod field;
mod form;
mod invalid;
mod json;
mod page;
mod percent;
mod route;
mod schema;
mod table;

pub use class::{DIGITS, LETTERS, PRINTABLE, TEXT, VISIBLE, VISIBLE_EXCEPT_AMPERSAND, class_contains, is_of};
pub use document::{CommonProblem, Document};
pub use field::{
    Field, Kind, MAX_NUMBER, StringMap, check_members, check_required, max_json_bytes, optional, required,
    whole_number,
};
pub use form::Form;
pub use invalid::{Invalid, Violation};
pub use json::{Unreadable, parse_object};
pub use page::html_page;
pub use route::{Body, Header, Route, RouteGroup, Security, Variant};
pub use schema::{Components, Member, Record, Schema, optional_member, required_member};
pub use table::{NoRoute, Table};
