//! The channels, and the API versions that serve them.

use crate::ledger::order::code::CHANNEL as CODE;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use wxpay_proto::id::InvalidField;

/// The way in which an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    /// The payer scans a QR code.
    Native,
    /// The payer pays on a page inside WeChat.
    Jsapi,
    /// The payer pays in a mini program.
    MiniProgram,
    /// The payer pays from the merchant's app.
    App,
    /// The payer pays from a browser outside WeChat.
    H5,
    /// The merchant scans the payer's code.
    Code,
}

impl Channel {
    /// All channels.
    pub(crate) const ALL: [Self; 6] =
        [Self::Native, Self::Jsapi, Self::MiniProgram, Self::App, Self::H5, Self::Code];

    /// Returns the name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Jsapi => "jsapi",
            Self::MiniProgram => "mini_program",
            Self::App => "app",
            Self::H5 => "h5",
            Self::Code => CODE,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Channel {
    type Err = InvalidField;

    fn from_str(text: &str) -> Result<Self, InvalidField> {
        let rule = InvalidField::new("channel", "must be one of native, jsapi, mini_program, app, h5, code");
        Self::ALL.into_iter().find(|channel| channel.name() == text).ok_or(rule)
    }
}

/// The version of WeChat Pay's API that serves an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApiVersion {
    /// The app payment of 2013 to 2014.
    V1,
    /// The current API.
    V3,
}

impl ApiVersion {
    /// Returns the name in the API.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V3 => "v3",
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_has_one_name_in_texts_and_in_json() {
        for channel in Channel::ALL {
            assert_eq!(channel.to_string().parse::<Channel>().unwrap(), channel);
            assert_eq!(serde_json::to_value(channel).unwrap(), channel.name());
        }
        let error = "JSAPI".parse::<Channel>().unwrap_err();
        assert_eq!(error.to_string(), "channel must be one of native, jsapi, mini_program, app, h5, code");
        for version in [ApiVersion::V1, ApiVersion::V3] {
            assert_eq!(serde_json::to_value(version).unwrap(), version.name());
        }
    }
}
