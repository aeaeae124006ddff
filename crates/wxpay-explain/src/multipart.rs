//! The part `meta` of an upload, the only one that its signature covers.

use crate::message::Message;

/// Returns the content of `meta`, if the message is an upload. Some programs omit the boundary parameter; the first line
/// of the body is the boundary then.
pub(crate) fn meta(message: &Message) -> Option<&[u8]> {
    let kind = message.header("content-type")?;
    if !kind.trim_start().get(..19)?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let parameter = kind.split(';').find_map(|word| {
        let (name, value) = word.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then(|| value.trim_matches('"').as_bytes())
    });
    let first_line = || {
        let rest = message.body.strip_prefix(b"--")?;
        rest.get(..find(rest.get(..rest.len().min(128))?, b"\r\n")?)
    };
    let delimiter = [b"--", parameter.or_else(first_line)?].concat();
    let mut rest = message.body.as_slice();
    // A part begins after a delimiter and ends before the line break of the next one.
    rest = rest.get(find(rest, &delimiter)?.checked_add(delimiter.len())?..)?;
    loop {
        let head_end = find(rest.get(..rest.len().min(4096))?, b"\r\n\r\n")?;
        let (head, content) = (rest.get(..head_end)?, rest.get(head_end.checked_add(4)?..)?);
        let end = find(content, &[b"\r\n", delimiter.as_slice()].concat())?;
        if is_meta(head) {
            return content.get(..end);
        }
        rest = content.get(end.checked_add(2)?.checked_add(delimiter.len())?..)?;
    }
}

fn is_meta(head: &[u8]) -> bool {
    [&b"name=\"meta\""[..], b"name=meta"].iter().any(|name| find(head, name).is_some())
}

/// Returns the first place of a pattern, which is not empty.
fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    let first = pattern.first()?;
    let mut from = 0_usize;
    loop {
        let at = text.get(from..)?.iter().position(|byte| byte == first)?.checked_add(from)?;
        if text.get(at..)?.starts_with(pattern) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Kind;

    #[test]
    fn meta_is_found_in_either_order() {
        let meta_part = "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{}\r\n";
        let file = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\r\n--c\r\n";
        for (kind, body) in [
            ("multipart/form-data; boundary=b", format!("{meta_part}{file}--b--\r\n")),
            ("Multipart/Form-Data;boundary=\"b\"", format!("{file}{meta_part}--b--")),
            ("multipart/form-data", format!("{file}{meta_part}--b--")),
        ] {
            let headers = vec![("content-type".into(), kind.into())];
            let (method, url, body) = ("POST".into(), "/".into(), body.into_bytes());
            let message = Message { kind: Kind::Request, method, url, headers, body };
            assert_eq!(meta(&message), Some(&b"{}"[..]), "{kind}");
        }
    }
}
