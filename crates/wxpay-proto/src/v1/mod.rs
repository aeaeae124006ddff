//! The first generation (2013–2014), for apps: what the project starts from.
//!
//! ```text
//!  1  GET  /cgi-bin/token           the access token, kept two hours           token.rs
//!  2       package + MD5            what is sold, signed with the PartnerKey   order.rs package.rs
//!  3       app_signature            the call, SHA-1 with the PaySignKey        prepay.rs signature.rs
//!  4  POST /pay/genprepay           the prepayid                               prepay.rs call.rs
//!  5       the second signature     seven parameters for the phone             phone.rs
//!  6  ◀─── notice                   MD5 over the query, SHA-1 over the XML     notice.rs
//!  7  POST /pay/orderquery          what became of it, when no notice came     query.rs settle.rs
//!  8  POST /pay/delivernotify       the goods are on their way                 deliver.rs
//! ```
//!
//! It is closed to new merchants. Its calls are authenticated by TLS alone: a refusal is not signed, so TLS is
//! what [`Fate::Refused`](crate::Fate::Refused) rests on here. Notices are signed twice, and the two halves are not bound to
//! each other: money is told by the query alone.
//!
//! Refunds and bills of this generation went through the older Tenpay gateway and are out of scope.

mod answer;
pub mod call;
mod deliver;
mod merchant;
pub mod notice;
pub mod order;
mod package;
mod phone;
mod prepay;
mod query;
pub mod settle;
pub mod signature;
pub mod token;

pub use answer::Answer;
pub use call::{Call, Endpoint};
pub use deliver::{Deliver, Delivery, SignedDelivery};
pub use merchant::{AppSecret, Builder, Merchant, PartnerKey, PaySignKey};
pub use notice::{Ack, Notice, Received, Rejected};
pub use order::Order;
pub use package::Package;
pub use phone::PhoneParams;
pub use prepay::{Prepay, SignedPrepay};
pub use query::{OrderInfo, Queried, Query, SignedQuery};
pub use settle::Settle;
pub use token::KeepToken;
