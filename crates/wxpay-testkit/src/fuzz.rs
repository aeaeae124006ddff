//! The bodies of the fuzz targets. Each accepts any bytes, and panics if a property does not hold.
//!
//! `fuzz/fuzz_targets` calls them under libFuzzer; `tests/corpus.rs` replays the corpus on the stable compiler.

mod certificates;
mod charsets;
mod conversation;
mod descriptions;
mod encodings;
mod explanations;
mod gateway;
mod notifications;
mod packages;
mod replies;
mod v3;
mod values;
mod wire;

pub use certificates::{pem, spki, x509};
pub use charsets::charset;
pub use conversation::conversation;
pub use descriptions::{catalogue, shop_file};
pub use encodings::{base64, rfc3339};
pub use explanations::explain;
pub use gateway::gateway;
pub use notifications::notification;
pub use packages::package;
pub use replies::json_reply;
pub use v3::{bill, multipart, v3_bill_part, v3_gateway, v3_headers, v3_ids, v3_notification, v3_reply};
pub use values::{ids, time};
pub use wire::{form, xml};

/// The body of a fuzz target.
pub type FuzzBody = fn(&[u8]);

/// All fuzz targets with their bodies.
pub const TARGETS: [(&str, FuzzBody); 26] = [
    ("base64", base64),
    ("bill", bill),
    ("catalogue", catalogue),
    ("charset", charset),
    ("conversation", conversation),
    ("explain", explain),
    ("form", form),
    ("gateway", gateway),
    ("ids", ids),
    ("json_reply", json_reply),
    ("multipart", multipart),
    ("notification", notification),
    ("package", package),
    ("pem", pem),
    ("rfc3339", rfc3339),
    ("shop_file", shop_file),
    ("spki", spki),
    ("time", time),
    ("v3_bill_part", v3_bill_part),
    ("v3_gateway", v3_gateway),
    ("v3_headers", v3_headers),
    ("v3_ids", v3_ids),
    ("v3_notification", v3_notification),
    ("v3_reply", v3_reply),
    ("x509", x509),
    ("xml", xml),
];
