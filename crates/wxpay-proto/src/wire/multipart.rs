//! `multipart/form-data` of uploads: a part `meta` in JSON, and a part `file`.

use crate::{id::InvalidField, prelude::*};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// A file to upload, with its SHA-256 digest.
///
/// The boundary is the digest of the file: the file cannot contain it, and equal files give equal bodies.
#[derive(Clone)]
pub struct Upload {
    meta: Vec<u8>,
    boundary: String,
    filename: String,
    media_type: &'static str,
    file: Vec<u8>,
}

#[derive(serde::Serialize)]
struct Meta<'a> {
    filename: &'a str,
    sha256: &'a str,
}

impl Upload {
    /// Creates an upload. The extension of the file name gives the media type: `jpg`, `jpeg`, `bmp`, `png`, `pdf`; for
    /// videos `avi`, `wmv`, `mpeg`, `mp4`, `mov`, `mkv`, `flv`, `f4v`, `m4v`, `rmvb`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the name is not 1 to 128 characters without quotes, backslashes, slashes and control
    /// characters, or has another extension.
    pub fn new(filename: &str, file: Vec<u8>) -> Result<Self, InvalidField> {
        const RULE: InvalidField = InvalidField::new(
            "filename",
            "must be 1 to 128 characters without quotes, slashes and control characters, with the extension of an \
                         image, a video or a PDF",
        );
        let allowed = |character: char| !character.is_control() && !matches!(character, '"' | '\\' | '/');
        let length = filename.chars().count();
        if !(1..=128).contains(&length) || !filename.chars().all(allowed) {
            return Err(RULE);
        }
        let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let media_type = extension.as_deref().and_then(media_type).ok_or(RULE)?;
        let sha256 = hex::encode(Sha256::digest(&file));
        let meta = super::json::write(&Meta { filename, sha256: &sha256 });
        Ok(Self { meta, boundary: sha256, filename: filename.into(), media_type, file })
    }

    /// Returns the `meta` part: the bytes that the request signature covers.
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// Returns the media type of the file.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Returns the length of the file, in bytes.
    pub fn file_len(&self) -> usize {
        self.file.len()
    }

    /// Returns the `content-type` of the body, with the boundary.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Returns the body.
    pub fn body(&self) -> Vec<u8> {
        let Self { meta, boundary, filename, media_type, file } = self;
        let mut body = Vec::with_capacity(meta.len().saturating_add(file.len()).saturating_add(512));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(meta);
        let head = format!(
            "\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n\
             Content-Type: {media_type}\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        body
    }
}

fn media_type(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "bmp" => "image/bmp",
        "pdf" => "application/pdf",
        "mp4" | "m4v" | "f4v" => "video/mp4",
        "mov" => "video/quicktime",
        "avi" => "video/x-msvideo",
        "wmv" => "video/x-ms-wmv",
        "mpeg" => "video/mpeg",
        "mkv" => "video/x-matroska",
        "flv" => "video/x-flv",
        "rmvb" => "application/vnd.rn-realmedia-vbr",
        _ => return None,
    })
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("file_len", &self.file.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_part_has_name_and_digest_and_is_in_the_body_as_signed() {
        let upload = Upload::new("a.png", b"foo".to_vec()).unwrap();
        // `printf foo | sha256sum`
        let meta = r#"{"filename":"a.png","sha256":"2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"}"#;
        assert_eq!(upload.meta(), meta.as_bytes());
        let body = String::from_utf8(upload.body()).unwrap();
        let boundary = "--2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
        let lines: Vec<_> = body.split("\r\n").collect();
        assert_eq!(
            lines,
            [
                boundary,
                "Content-Disposition: form-data; name=\"meta\"",
                "Content-Type: application/json",
                "",
                meta,
                boundary,
                "Content-Disposition: form-data; name=\"file\"; filename=\"a.png\"",
                "Content-Type: image/png",
                "",
                "foo",
                &format!("{boundary}--"),
                "",
            ]
        );
    }

    #[test]
    fn filename_that_would_end_its_quotes_is_rejected() {
        for name in ["", "a", "a.exe", "a\".png", "a\r\n.png", "a/b.png", "\\.png"] {
            assert!(Upload::new(name, Vec::new()).is_err(), "{name}");
        }
        assert!(Upload::new("营业执照.JPG", Vec::new()).is_ok());
    }
}
