//! Uploads of images and videos, whose `media_id` other requests refer to.
//!
//! `POST /v3/merchant/media/upload`, `POST /v3/merchant/media/video_upload`.

use super::prelude::*;
use crate::wire::multipart::Upload;

/// Uploads an image or a PDF. Returns its `media_id`.
#[derive(Clone, Debug)]
pub struct UploadImage(Upload);

/// Uploads a video. Returns its `media_id`.
#[derive(Clone, Debug)]
pub struct UploadVideo(Upload);

const MIB: usize = 1024 * 1024;
/// The maximum size of an image or a video: 5 MiB.
const MAX_MEDIA_BYTES: usize = 5 * MIB;
/// The maximum size of a PDF: 7.5 MiB.
const MAX_PDF_BYTES: usize = 7 * MIB + MIB / 2;

impl UploadImage {
    /// Creates the upload of an image (`jpg`, `jpeg`, `bmp`, `png`) of at most 5 MiB, or of a PDF of at most 7.5 MiB.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the file is empty, too large, or of another type.
    pub fn new(upload: Upload) -> Result<Self, InvalidField> {
        match upload.media_type() {
            "image/jpeg" | "image/bmp" | "image/png" => {
                check(&upload, MAX_MEDIA_BYTES, InvalidField::new("file", "must be 1 byte to 5 MiB"))?;
            }
            "application/pdf" => {
                check(&upload, MAX_PDF_BYTES, InvalidField::new("file", "must be 1 byte to 7.5 MiB"))?;
            }
            _ => return Err(InvalidField::new("filename", "must end in .jpg, .jpeg, .bmp, .png or .pdf")),
        }
        Ok(Self(upload))
    }
}

impl UploadVideo {
    /// Creates the upload of a video (`avi`, `wmv`, `mpeg`, `mp4`, `mov`, `mkv`, `flv`, `f4v`, `m4v`, `rmvb`) of at
    /// most 5 MiB.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the file is empty, too large, or of another type.
    pub fn new(upload: Upload) -> Result<Self, InvalidField> {
        let kind = upload.media_type();
        if kind.starts_with("image/") || kind == "application/pdf" {
            return Err(InvalidField::new("filename", "must end in the extension of a video, such as .mp4"));
        }
        check(&upload, MAX_MEDIA_BYTES, InvalidField::new("file", "must be 1 byte to 5 MiB"))?;
        Ok(Self(upload))
    }
}

fn check(upload: &Upload, max: usize, rule: InvalidField) -> Result<(), InvalidField> {
    if (1..=max).contains(&upload.file_len()) { Ok(()) } else { Err(rule) }
}

object! {
    struct Reply {
        media_id: String,
    }
}

impl Endpoint for UploadImage {
    type Output = String;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::upload("v3.media.upload", "/v3/merchant/media/upload", self.0.clone()))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { media_id } = reply.read()?;
        Ok(media_id)
    }
}

impl Endpoint for UploadVideo {
    type Output = String;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        Ok(Draft::upload("v3.media.video_upload", "/v3/merchant/media/video_upload", self.0.clone()))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<String, Error> {
        let Reply { media_id } = reply.read()?;
        Ok(media_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::fake::{self, Harness, SigningKey};

    // `printf foo | sha256sum`
    const FOO: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

    fn upload(filename: &str, length: usize) -> Upload {
        Upload::new(filename, vec![b'x'; length]).unwrap()
    }

    #[test]
    fn an_upload_signs_its_meta_part_and_sends_the_file() {
        let image = UploadImage::new(Upload::new("a.png", b"foo".to_vec()).unwrap()).unwrap();
        let (line, meta) = fake::drafted(&image);
        assert_eq!(line, "POST /v3/merchant/media/upload");
        assert_eq!(meta, format!(r#"{{"filename":"a.png","sha256":"{FOO}"}}"#));
        let video = UploadVideo::new(Upload::new("a.mp4", b"foo".to_vec()).unwrap()).unwrap();
        assert_eq!(fake::drafted(&video).0, "POST /v3/merchant/media/video_upload");

        let (mut harness, signer) = (Harness::new(), SigningKey::public_key());
        let media_id = harness.run(fake::merchant().call(image), |_, now| {
            Ok(signer.reply(200, r#"{"media_id":"H1ihR9JUtVj-J7CJqBUY5ZOrG_Je75H-rKhTG7FUmg9sxNT"}"#, *now))
        });
        assert_eq!(media_id.unwrap(), "H1ihR9JUtVj-J7CJqBUY5ZOrG_Je75H-rKhTG7FUmg9sxNT");
        let sent = &harness.sent[0];
        let boundary = format!("multipart/form-data; boundary={FOO}");
        assert_eq!(sent.header("content-type"), Some(boundary.as_str()));
        assert!(sent.body().windows(7).any(|window| window == b"\r\nfoo\r\n"));
    }

    #[test]
    fn an_upload_of_another_kind_or_size_is_rejected() {
        assert!(UploadImage::new(upload("a.JPG", MAX_MEDIA_BYTES)).is_ok());
        assert!(UploadImage::new(upload("a.pdf", MAX_PDF_BYTES)).is_ok());
        assert!(UploadVideo::new(upload("a.mov", MAX_MEDIA_BYTES)).is_ok());
        for (filename, length, field) in [
            ("a.jpg", 0, "file"),
            ("a.jpg", MAX_MEDIA_BYTES + 1, "file"),
            ("a.pdf", MAX_PDF_BYTES + 1, "file"),
            ("a.mp4", 1, "filename"),
        ] {
            assert_eq!(UploadImage::new(upload(filename, length)).unwrap_err().field(), field, "{filename}");
        }
        for (filename, length, field) in [
            ("a.mp4", 0, "file"),
            ("a.mp4", MAX_MEDIA_BYTES + 1, "file"),
            ("a.jpg", 1, "filename"),
            ("a.pdf", 1, "filename"),
        ] {
            assert_eq!(UploadVideo::new(upload(filename, length)).unwrap_err().field(), field, "{filename}");
        }
    }
}
