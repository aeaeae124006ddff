//! APIv1: the 2013–2014 app payment, closed to new merchants; not the XML API, which is APIv2.
//!
//! ```text
//!  1  GET  /cgi-bin/token        the access token, valid for two hours          token.rs
//!  2       package + MD5         the order data, signed with the PartnerKey     order.rs package.rs
//!  3       app_signature         the request, SHA-1 with the PaySignKey         prepay.rs signature.rs
//!  4  POST /pay/genprepay        the prepayid                                   prepay.rs call.rs
//!  5       second signature      seven parameters for the app                   app.rs
//!  6  ◀─── notification          MD5 over the query, SHA-1 over the XML body    notification.rs
//!  7  POST /pay/orderquery       the outcome, if no notification arrived        query.rs resolve.rs
//!  8  POST /pay/delivernotify    the report on the delivery of the goods        deliver.rs
//! ```
//!
//! Replies are not signed: TLS alone authenticates the gateway. A [`Fate::Refused`](crate::Fate::Refused) is therefore
//! only as reliable as TLS. A notification has two signatures, one over its query and one over its body. Query and body
//! are not bound to each other, and only the query proves a payment.
//!
//! Refunds and bills went through the older Tenpay gateway and are out of scope.

mod api_reply;
mod app;
pub mod call;
mod deliver;
mod merchant;
pub mod notification;
pub mod order;
mod package;
mod prepay;
mod query;
pub mod resolve;
pub mod signature;
pub mod token;

pub use api_reply::ApiReply;
pub use app::AppParams;
pub use call::{Call, Endpoint};
pub use deliver::{DeliveryReport, NotifyDelivery, SignedDelivery};
pub use merchant::{AppSecret, Builder, Merchant, PartnerKey, PaySignKey};
pub use notification::{Ack, Notification, NotificationError, RawNotification};
pub use order::Order;
pub use package::Package;
pub use prepay::{CreatePrepay, SignedPrepay};
pub use query::{OrderInfo, QueryOrder, QueryOutcome, SignedQuery};
pub use resolve::Resolve;
pub use token::{IssuedToken, RefreshToken};
