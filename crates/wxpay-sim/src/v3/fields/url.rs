//! The gateway's rule for URLs.

/// The rule in the words of a refusal, as in public replies.
pub(super) const RULE: &str =
    r"字符串必须匹配正则表达式“^https?://([^\s/?#\[\]\@]+\@)?([^\s/?#\@:]+)(?::\d{2,5})?([^\s?#\[\]]*)$”";

/// The maximum length in bytes. The documents say 255 or 256.
pub(super) const MAX_BYTES: usize = 256;

/// Returns `true` if the text matches the expression of [`RULE`].
///
/// The expression is matched without backtracking: an optional user ends at the first `@`; the host takes all that it
/// can, and a port after it is also matched by the rest, which takes everything but white space, `?`, `#` and brackets.
pub(super) fn matches(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    // The user cannot contain `@`, and the rest can: only the first `@` can end the user.
    let after_user = rest.split_once('@').and_then(|(user, after)| is_user(user).then_some(after));
    after_user.is_some_and(starts_with_host) || starts_with_host(rest)
}

fn is_user(user: &str) -> bool {
    !user.is_empty() && !user.contains(|c: char| c.is_ascii_whitespace() || "/?#[]@".contains(c))
}

/// Matches the host, the port and the rest. The host has at least one character; all others may belong to the rest.
fn starts_with_host(text: &str) -> bool {
    let is_host = |c: char| !c.is_ascii_whitespace() && !"/?#@:".contains(c);
    let host_end = text.find(|c| !is_host(c)).unwrap_or(text.len());
    let (host, rest) = text.split_at(host_end);
    // The host may contain brackets, the rest may not.
    !host.is_empty() && !rest.contains(|c: char| c.is_ascii_whitespace() || "?#[]".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cases were computed with the expression itself, by `re.fullmatch` of Python.
    #[test]
    fn matches_agrees_with_the_expression() {
        for text in [
            "https://shop.example/notify",
            "http://localhost/api/notify",
            "http://h",
            "http://h/",
            "http://h:80/p",
            "http://h:99999",
            // A port that is too short or too long belongs to the rest.
            "http://h:8",
            "http://h:123456/p",
            "http://h:port/p",
            "https://user@h/p",
            "https://user:secret@h:8080/p",
            "https://h/p@q",
            "https://h:1@x",
            "https://h@i",
            "https://u/x@",
            "https://[1]/p",
            "https://支付.example/通知",
            "https://h//p;a=1&b=2",
        ] {
            assert!(matches(text), "{text}");
        }
        for text in [
            "",
            "https://",
            "https:///p",
            "ftp://h/p",
            "HTTPS://h/p",
            " https://www.weixin.qq.com/wxpay/pay.php",
            "https://h/p ",
            "https://h/a b",
            "https://h/p?q=1",
            "https://h/p#f",
            "https://h?q",
            "https://h/[p]",
            "https://:80/p",
            "https://@h/p",
            "https://[::1]/p",
            "h/p",
        ] {
            assert!(!matches(text), "{text}");
        }
    }
}
