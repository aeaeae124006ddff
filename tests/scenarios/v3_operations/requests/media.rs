//! Samples: uploads.

use crate::v3_operations::sample::Sample;
use wxpay_proto::{
    v3::media::{UploadImage, UploadVideo},
    wire::multipart::Upload,
};

pub(super) fn samples() -> Vec<Sample> {
    let upload = |name| Upload::new(name, b"\x89PNG".to_vec()).unwrap();
    vec![
        Sample::of("POST /v3/merchant/media/upload", UploadImage::new(upload("营业执照.png")).unwrap()),
        Sample::of("POST /v3/merchant/media/video_upload", UploadVideo::new(upload("film.mp4")).unwrap()),
    ]
}
