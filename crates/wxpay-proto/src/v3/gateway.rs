//! The base URLs of WeChat Pay: the gateway and its backup, or their replacements.

use crate::{
    id::{InvalidField, absolute_url},
    prelude::*,
};

const MAIN: &str = "https://api.mch.weixin.qq.com";
const BACKUP: &str = "https://api2.mch.weixin.qq.com";

/// The base URLs of WeChat Pay's gateway, under all its host names.
const OFFICIAL: [&str; 4] = [MAIN, BACKUP, "https://api.wechatpay.cn", "https://api2.wechatpay.cn"];

/// The base URLs of the gateway, and of its backup in another city.
pub(super) struct Gateway(Vec<String>);

impl Default for Gateway {
    fn default() -> Self {
        Self(Vec::from([MAIN.into(), BACKUP.into()]))
    }
}

impl Gateway {
    /// Creates a gateway from its base URL, without a backup.
    pub(super) fn parse(base_url: &str) -> Result<Self, InvalidField> {
        Ok(Self(Vec::from([url("base_url", base_url)?])))
    }

    /// Sets the backup, in place of any other.
    pub(super) fn with_backup(mut self, backup_url: &str) -> Result<Self, InvalidField> {
        self.0.truncate(1);
        self.0.push(url("backup_url", backup_url)?);
        Ok(self)
    }

    /// Returns the base URL after this number of host switches. The hosts alternate.
    pub(super) fn base_url(&self, host_index: usize) -> &str {
        let urls = &self.0;
        urls.get(host_index.checked_rem(urls.len()).unwrap_or_default()).map_or("", String::as_str)
    }

    /// Splits a URL received from the gateway into the base URL to call, and the target (path and query). Returns
    /// `None` if the host is neither the merchant's configured gateway nor one of WeChat Pay's.
    ///
    /// For a URL at WeChat Pay, the base URL is that of the configured gateway, if there is one: it may be a proxy.
    pub(super) fn locate<'a>(&'a self, url: &'a str) -> Option<(&'a str, &'a str)> {
        let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if !url.bytes().all(visible) {
            return None;
        }
        let own = self.0.iter().map(String::as_str);
        let origins = own.clone().map(origin);
        if let Some(located) = own.chain(origins).find_map(|base| Some((base, strip_base(base, url)?))) {
            return Some(located);
        }
        let (base, target) = OFFICIAL.iter().find_map(|base| Some((*base, strip_base(base, url)?)))?;
        let first = self.base_url(0);
        Some((if OFFICIAL.contains(&first) { base } else { first }, target))
    }
}

fn url(field: &'static str, text: &str) -> Result<String, InvalidField> {
    let rule =
        InvalidField::new(field, "must be an absolute http or https URL without user, query or fragment");
    Ok(absolute_url(text, rule)?.trim_end_matches('/').into())
}

/// Returns path and query of a URL, if it begins with that base URL.
fn strip_base<'a>(base: &str, url: &'a str) -> Option<&'a str> {
    url.strip_prefix(base).filter(|target| target.starts_with('/'))
}

/// Returns scheme, host and port of a base URL.
fn origin(base: &str) -> &str {
    let host = base.find("://").map_or(0, |at| at.saturating_add(3));
    let end = base.get(host..).and_then(|rest| rest.find('/')).map(|at| host.saturating_add(at));
    end.and_then(|end| base.get(..end)).unwrap_or(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_at_the_gateway_is_located() {
        let official = Gateway::default();
        for url in ["https://api.mch.weixin.qq.com/v3/x?token=1", "https://api2.wechatpay.cn/v3/x?token=1"] {
            let (base, target) = official.locate(url).unwrap();
            assert_eq!((format!("{base}{target}").as_str(), target), (url, "/v3/x?token=1"));
        }
        for url in [
            "",
            "/v3/x",
            "http://api.mch.weixin.qq.com/v3/x",
            "https://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com.example.com/v3/x",
            "https://api.mch.weixin.qq.com@example.com/v3/x",
            "https://api.mch.weixin.qq.com:8443/v3/x",
            "https://example.com/https://api.mch.weixin.qq.com/v3/x",
            "https://api.mch.weixin.qq.com/v3/x#y",
            "https://api.mch.weixin.qq.com/v3/x y",
            "https://api.mch.weixin.qq.com/v3/x\r\nHost: example.com",
        ] {
            assert_eq!(official.locate(url), None, "{url}");
        }
    }

    #[test]
    fn a_configured_gateway_replaces_wechat_pays_hosts() {
        let own = Gateway::parse("http://127.0.0.1:8080/wx/").unwrap();
        for (url, base, target) in [
            ("http://127.0.0.1:8080/wx/v3/x?token=1", "http://127.0.0.1:8080/wx", "/v3/x?token=1"),
            ("http://127.0.0.1:8080/v3/x?token=1", "http://127.0.0.1:8080", "/v3/x?token=1"),
            ("https://api.mch.weixin.qq.com/v3/x", "http://127.0.0.1:8080/wx", "/v3/x"),
        ] {
            assert_eq!(own.locate(url), Some((base, target)));
        }
        assert_eq!(own.locate("http://127.0.0.1:80800/v3/x"), None);
    }
}
