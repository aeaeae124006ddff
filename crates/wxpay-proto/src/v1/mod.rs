//! The first generation (2013–2014), for apps: what the project starts from.
//!
//! ```text
//!  1  GET  /cgi-bin/token           the access token, kept two hours           token.rs
//!  2       package + MD5            what is sold, signed with the PartnerKey   order.rs package.rs
//!  3       app_signature            the call, SHA-1 with the PaySignKey        prepay.rs signature.rs
//!  4  POST /pay/genprepay           the prepayid                               prepay.rs call.rs
//!  5       the second signature     seven parameters for the app             app.rs
//!  6  ◀─── notification                   MD5 over the query, SHA-1 over the XML     notification.rs
//!  7  POST /pay/orderquery          what became of it, when no notification came     query.rs resolve.rs
//!  8  POST /pay/delivernotify       the goods are on their way                 deliver.rs
//! ```
//!
//! It is closed to new merchants. Its calls are authenticated by TLS alone: a refusal is not signed, so TLS is
//! what [`Fate::Refused`](crate::Fate::Refused) rests on here. Notices are signed twice, and the two halves are not bound to
//! each other: money is told by the query alone.
//!
//! Refunds and bills of this generation went through the older Tenpay gateway and are out of scope.

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
pub use deliver::{Delivery, NotifyDelivery, SignedDelivery};
pub use merchant::{AppSecret, Builder, Merchant, PartnerKey, PaySignKey};
pub use notification::{Ack, Notification, NotificationError, RawNotification};
pub use order::Order;
pub use package::Package;
pub use prepay::{CreatePrepay, SignedPrepay};
pub use query::{OrderInfo, QueryOrder, QueryOutcome, SignedQuery};
pub use resolve::Resolve;
pub use token::RefreshToken;
