//! Uploads, the security echo, and the list of certificates.

use super::{
    certificate_merchant, setup,
    shop::{Shop, notify_url, sensitive},
};
use wxpay_proto::{
    ErrorKind, Fate, UnixTime,
    exchange::Transmit,
    http::Request,
    v3::{
        Certificates, Event,
        media::{UploadImage, UploadVideo},
        security::Echo,
    },
    wire::multipart::Upload,
};
use wxpay_testkit::drive::Network as _;

fn image() -> UploadImage {
    UploadImage::new(Upload::new("营业执照.png", b"\x89PNG\r\n\x1a\n--boundary\r\n".to_vec()).unwrap())
        .unwrap()
}

/// Uploads an image and a video, calls the echo with an encrypted field and a notification, and lists the certificates.
pub(super) fn conversation() -> Shop {
    let (driver, network) = setup();
    let merchant = certificate_merchant(&network);
    let mut shop = Shop { driver, network, merchant };
    let image = shop.call(image());
    let video = shop.call(UploadVideo::new(Upload::new("film.mp4", vec![7; 100_000]).unwrap()).unwrap());
    assert!(!image.is_empty() && image != video);

    let echo = Echo::new("你好").unwrap().encrypted_echo_message(sensitive("秘密"));
    shop.call(echo.notify_url(notify_url()));
    let notifications = shop.receive_notifications();
    let [notification] = &notifications[..] else { panic!("expected one notification") };
    let Event::Echo(event) = notification.event().unwrap() else { panic!("expected an echo event") };
    assert_eq!(event.echo_message, "你好");
    let ciphertext = event.encrypted_echo_message.unwrap();
    assert_eq!(shop.merchant.open(ciphertext.as_str()).unwrap().expose(), "秘密");

    let listed = shop.call(Certificates::new());
    let serials: Vec<String> = shop
        .network
        .gateway
        .merchant()
        .platform()
        .certificates(shop.driver.now)
        .map(|entry| entry.certificate.serial().to_string())
        .collect();
    assert_eq!(
        listed.iter().map(|certificate| certificate.serial_no.to_string()).collect::<Vec<_>>(),
        serials
    );
    shop
}

#[test]
fn uploads_and_echo_succeed_with_certificates() {
    let shop = conversation();
    assert_eq!((shop.driver.count("v3.media.upload"), shop.driver.count("v3.security.echo")), (1, 1));
}

#[test]
fn upload_modified_in_transit_is_refused() {
    let mut shop = Shop::open();
    let network = &mut shop.network;
    let mut tampering = |mut transmit: Transmit, now: UnixTime| {
        let mut body = transmit.request.body().to_vec();
        let at = body.windows(4).rposition(|window| window == b"\x89PNG").unwrap();
        body[at + 1] = b'p';
        let mut request = Request::new(transmit.request.method(), transmit.request.url().into(), body);
        for (name, value) in transmit.request.headers() {
            request = request.with_header(name, value.clone());
        }
        transmit.request = request;
        network.send(transmit, now)
    };
    let error = shop.driver.run(shop.merchant.call(image()), &mut tampering).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)), "{error:?}");
}
