//! Uploads. Only the meta part is signed.

use super::shop::{ParsedReply, Shop, bare};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use wxpay_proto::http::{Method, Request};

const IMAGES: &str = "/v3/merchant/media/upload";
const VIDEOS: &str = "/v3/merchant/media/video_upload";

fn meta(name: &str, file: &[u8]) -> String {
    json!({ "filename": name, "sha256": hex::encode(digest(&SHA256, file)) }).to_string()
}

/// Sends an upload with these parts and a signature over the given text.
fn upload(shop: &mut Shop, target: &str, (meta, signed): (&str, &str), file: &[u8]) -> ParsedReply {
    let body = [
        format!("--x1\r\nContent-Disposition: form-data; name=\"meta\"\r\nContent-Type: application/json\r\n\r\n{meta}")
            .as_bytes(),
        b"\r\n--x1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n",
        file,
        b"\r\n--x1--\r\n",
    ]
    .concat();
    let authorization = shop.authorization(Method::Post, target, signed);
    let request = Request::new(Method::Post, bare(Method::Post, target, "").url().into(), body)
        .with_header("accept", "application/json")
        .with_header("user-agent", "a shop")
        .with_header("content-type", "multipart/form-data; boundary=x1")
        .with_header("authorization", authorization);
    shop.send(&request)
}

#[test]
fn image_and_video_uploads_return_a_media_id() {
    let mut shop = Shop::open();
    let file = b"\x89PNG\r\n--x\0";
    for (target, name) in [(IMAGES, "a.png"), (IMAGES, "A.JPG"), (IMAGES, "b.pdf"), (VIDEOS, "c.mp4")] {
        let meta = meta(name, file);
        let reply = upload(&mut shop, target, (&meta, &meta), file);
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.body["media_id"].as_str().unwrap().len(), 107);
    }
}

#[test]
fn upload_signature_covers_meta_and_digest_covers_the_file() {
    let mut shop = Shop::open();
    let meta_json = meta("a.png", b"file");
    assert_eq!(
        upload(&mut shop, IMAGES, (&meta_json, "{}"), b"file").refusal(),
        (401, "SIGN_ERROR", 268_443_699)
    );
    let tampered = upload(&mut shop, IMAGES, (&meta_json, &meta_json), b"fiLe");
    assert_eq!((tampered.status, tampered.message()), (400, "文件摘要不匹配"));
}

#[test]
fn upload_of_an_unsupported_type_or_size_is_refused() {
    let mut shop = Shop::open();
    let large = vec![b'x'; 5 * 1024 * 1024 + 1];
    for (target, name, file, message) in [
        (IMAGES, "a.gif", &b"file"[..], "文件类型不支持"),
        (IMAGES, "png", b"file", "文件类型不支持"),
        (IMAGES, "a.mp4", b"file", "文件类型不支持"),
        (VIDEOS, "a.png", b"file", "文件类型不支持"),
        (IMAGES, "a.png", b"", "文件大小不符合要求"),
        (IMAGES, "a.png", &large, "文件大小不符合要求"),
    ] {
        let meta = meta(name, file);
        let reply = upload(&mut shop, target, (&meta, &meta), file);
        assert_eq!((reply.status, reply.message()), (400, message), "{name}");
    }
    let meta = meta("a.pdf", &large);
    assert_eq!(upload(&mut shop, IMAGES, (&meta, &meta), &large).status, 200);
}

#[test]
fn upload_without_multipart_is_refused() {
    let mut shop = Shop::open();
    let meta = meta("a.png", b"file");
    let reply = shop.call(Method::Post, IMAGES, &meta);
    assert_eq!((reply.status, reply.message()), (400, "Content-Type应为multipart/form-data"));
    let authorization = shop.authorization(Method::Post, IMAGES, &meta);
    let request = bare(Method::Post, IMAGES, &meta).with_header("authorization", authorization);
    let incomplete = Request::new(Method::Post, request.url().into(), b"--x1\r\n".to_vec())
        .with_header("accept", "*/*")
        .with_header("user-agent", "a shop")
        .with_header("content-type", "multipart/form-data; boundary=x1");
    let reply = shop.reply(&incomplete);
    assert_eq!((reply.status(), reply.header("wechatpay-signature")), (400, None));
    assert_eq!(super::shop::parse_reply(&reply).refusal(), (400, "PARAM_ERROR", 268_435_461));
}
