//! The two parts of an upload: `meta`, which is signed, and `file`.

use super::errors::{self, Refusal};
use wxpay_proto::http::Request;

/// The parts of an upload.
pub(super) struct Upload<'a> {
    pub(super) meta: &'a [u8],
    pub(super) file: &'a [u8],
}

/// The maximum length of a part's header in bytes.
const MAX_PART_HEADER_BYTES: usize = 4096;

impl<'a> Upload<'a> {
    /// Parses the parts of a request, if it is an upload.
    pub(super) fn parse(request: &'a Request) -> Result<Option<Self>, Refusal> {
        Self::of(request.header("content-type"), request.body())
    }

    /// Parses the parts, if the content type is multipart. Some merchants' programs omit the boundary parameter; the
    /// first line of the body is the boundary then.
    pub(super) fn of(content_type: Option<&str>, body: &'a [u8]) -> Result<Option<Self>, Refusal> {
        let Some(kind) = content_type else { return Ok(None) };
        let mut words = kind.split(';');
        if !words.next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("multipart/form-data")) {
            return Ok(None);
        }
        let malformed = |message: &str| errors::PARAM_ERROR.with_message(message).unsigned();
        let boundary = words.find_map(|word| parameter(word, "boundary"));
        let boundary = boundary.or_else(|| first_line(body));
        let boundary = boundary.filter(|boundary| is_boundary(boundary));
        let boundary = boundary.ok_or_else(|| malformed("boundary格式错误"))?;
        split_parts(body, &boundary).map(Some).ok_or_else(|| malformed("multipart格式错误"))
    }
}

/// Returns the boundary in the first line of a body.
fn first_line(body: &[u8]) -> Option<String> {
    let rest = body.strip_prefix(b"--")?;
    let line = rest.get(..find(rest.get(..rest.len().min(MAX_PART_HEADER_BYTES))?, b"\r\n")?)?;
    std::str::from_utf8(line).ok().map(String::from)
}

/// Returns `true` for a valid boundary: 1 to 70 characters of RFC 2046, the last one not a space.
fn is_boundary(boundary: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=70).contains(&boundary.len()) && boundary.bytes().all(allowed) && !boundary.ends_with(' ')
}

/// Returns a parameter of a header, quoted or not.
fn parameter(word: &str, name: &str) -> Option<String> {
    let (key, value) = word.trim().split_once('=')?;
    if !key.trim_end().eq_ignore_ascii_case(name) {
        return None;
    }
    let unquoted = value.strip_prefix('"').map_or(Some(value), |value| value.strip_suffix('"'))?;
    (!unquoted.contains('"')).then(|| unquoted.into())
}

/// Splits a body into both parts. Each must occur once, in any order. Any other part is an error.
fn split_parts<'a>(body: &'a [u8], boundary: &str) -> Option<Upload<'a>> {
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut rest = body.strip_prefix(delimiter.get(2..)?)?;
    let (mut meta, mut file) = (None, None);
    while !matches!(rest, b"--" | b"--\r\n") {
        let part = rest.strip_prefix(b"\r\n")?;
        let header_end = find(part.get(..part.len().min(MAX_PART_HEADER_BYTES))?, b"\r\n\r\n")?;
        let header = std::str::from_utf8(part.get(..header_end)?).ok()?;
        let content = part.get(header_end.checked_add(4)?..)?;
        let end = find(content, &delimiter)?;
        let slot = match disposition(header)?.as_str() {
            "meta" => &mut meta,
            // Operations of the catalogue call it `submission_file` and similar.
            name if name == "file" || name.ends_with("_file") => &mut file,
            _ => return None,
        };
        if slot.replace(content.get(..end)?).is_some() {
            return None;
        }
        rest = content.get(end.checked_add(delimiter.len())?..)?;
    }
    Some(Upload { meta: meta?, file: file? })
}

/// Returns the name of a part from its header.
fn disposition(header: &str) -> Option<String> {
    let line = header.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let mut words = line.split(';');
    words.next().filter(|kind| kind.trim() == "form-data")?;
    words.find_map(|word| parameter(word, "name"))
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    let first = *pattern.first()?;
    let mut from = 0;
    loop {
        let at = text.get(from..)?.iter().position(|byte| *byte == first)?.checked_add(from)?;
        if text.get(at..)?.starts_with(pattern) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &str = "--b\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{}\r\n";
    const FILE: &str =
        "--b\r\ncontent-disposition: form-data; name=file; filename=\"a.png\"\r\n\r\n\r\n-\r\n--c\r\n";

    #[test]
    fn multipart_parts_are_read_in_either_order() {
        for body in [format!("{META}{FILE}--b--\r\n"), format!("{FILE}{META}--b--")] {
            let upload = split_parts(body.as_bytes(), "b").unwrap();
            assert_eq!((upload.meta, upload.file), (&b"{}"[..], &b"\r\n-\r\n--c"[..]), "{body:?}");
        }
    }

    #[test]
    fn multipart_that_is_incomplete_is_rejected() {
        let end = "--b--\r\n";
        for body in [
            String::new(),
            format!("{META}{end}"),
            format!("{FILE}{end}"),
            format!("{META}{META}{FILE}{end}"),
            format!("{META}{FILE}"),
            format!("x\r\n{META}{FILE}{end}"),
            format!("{META}{FILE}{end}x"),
            format!("{META}{}{end}", FILE.replace("name=file", "name=other")),
            format!("{META}{}{end}", FILE.replace("form-data", "attachment")),
            format!("{META}{}{end}", FILE.replace("\r\n\r\n\r\n", "\r\n")),
            format!("{}{FILE}{end}", META.replace("Content-Type", &"x".repeat(MAX_PART_HEADER_BYTES))),
        ] {
            assert!(split_parts(body.as_bytes(), "b").is_none(), "{body:?}");
        }
    }

    #[test]
    fn multipart_without_a_boundary_parameter_uses_the_first_line() {
        let upload = |kind: &str, body: String| {
            let request = Request::post(String::from("https://h/"), kind, body.into_bytes());
            Upload::parse(&request)
                .map(|upload| upload.map(|upload| (upload.meta.to_vec(), upload.file.to_vec())))
        };
        let body = format!("{META}{FILE}--b--\r\n");
        let expected = upload("multipart/form-data; boundary=b", body.clone()).unwrap();
        assert!(expected.is_some());
        assert_eq!(upload("multipart/form-data", body.clone()).unwrap(), expected);
        for (kind, body) in [
            ("multipart/form-data; boundary=c", body.clone()),
            ("multipart/form-data; boundary=", body.clone()),
            ("multipart/form-data", body.replace("--b", "b")),
            ("multipart/form-data", String::from("--b")),
        ] {
            assert!(upload(kind, body.clone()).is_err(), "{kind}: {body:?}");
        }
    }

    #[test]
    fn multipart_boundary_follows_rfc_2046() {
        assert!(is_boundary("----WebKitFormBoundary7MA4YWxkTrZu0gW"));
        for bad in ["", "a ", "a\"", "支", &"a".repeat(71)] {
            assert!(!is_boundary(bad), "{bad}");
        }
        assert_eq!(parameter(" boundary=\"a b\"", "boundary").as_deref(), Some("a b"));
        assert_eq!(parameter("Boundary=a", "boundary").as_deref(), Some("a"));
    }
}
