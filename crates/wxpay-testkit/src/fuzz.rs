//! The bodies of the fuzz targets. Each accepts any bytes, and panics if a property does not hold.
//!
//! `fuzz/fuzz_targets` calls them under libFuzzer; `tests/corpus.rs` replays the corpus on the stable compiler.

mod charsets;
mod conversation;
mod gateway;
mod notifications;
mod packages;
mod replies;
mod v3;
mod values;
mod wire;

pub use charsets::charset;
pub use conversation::conversation;
pub use gateway::gateway;
pub use notifications::notification;
pub use packages::package;
pub use replies::json_reply;
pub use v3::{bill, multipart, v3_headers, v3_notification, v3_reply};
pub use values::{ids, time};
pub use wire::{form, xml};

/// The body of a fuzz target.
pub type FuzzBody = fn(&[u8]);

/// All fuzz targets with their bodies.
pub const TARGETS: [(&str, FuzzBody); 15] = [
    ("bill", bill),
    ("charset", charset),
    ("conversation", conversation),
    ("form", form),
    ("gateway", gateway),
    ("ids", ids),
    ("json_reply", json_reply),
    ("multipart", multipart),
    ("notification", notification),
    ("package", package),
    ("time", time),
    ("v3_headers", v3_headers),
    ("v3_notification", v3_notification),
    ("v3_reply", v3_reply),
    ("xml", xml),
];
