//! Access to the control interface over real sockets.

use crate::{http::raw, support::Shop};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use wxpay_proto::secret::Secret;
use wxpay_sim::{
    Clock, Settings,
    control::Access,
    serve::{Options, Server},
};

const TOKEN: &str = "s3cr3t-s3cr3t-s3cr3t";

fn with_token() -> Access {
    Access::default().with_token(Secret::new(TOKEN.into())).unwrap()
}

async fn start(address: &str, access: Access) -> std::io::Result<Server> {
    let shop = Shop::open(Settings::default());
    let listener = TcpListener::bind(address).await.unwrap();
    Server::start_with(
        listener,
        shop.gateway.clone(),
        Clock::frozen(shop.now),
        Options::default().with_access(access),
    )
}

/// Sends a request with these headers. Returns the status, the head in lower case, and the body.
async fn ask(server: &Server, method: &str, path: &str, headers: &[&str]) -> (u16, String, Value) {
    let address = SocketAddr::from(([127, 0, 0, 1], server.address().port()));
    let reply = raw(address, method, path, headers, "").await.unwrap();
    (reply.status, reply.head.to_lowercase(), serde_json::from_slice(&reply.body).unwrap_or_default())
}

#[tokio::test]
async fn web_pages_of_other_sites_are_refused() {
    let server = start("127.0.0.1:0", Access::default()).await.unwrap();
    let own = format!("Host: {}", server.address());
    let same_origin = format!("Origin: http://{}", server.address());
    for (headers, field) in [
        (vec![own.as_str()], None),
        (vec![&own, &same_origin, "Sec-Fetch-Site: same-origin"], None),
        (vec!["Host: localhost"], None),
        (vec![&own, "Origin: http://evil.example"], Some("Origin")),
        (vec![&own, "Origin: null"], Some("Origin")),
        (vec![&own, &same_origin, "Origin: http://evil.example"], Some("Origin")),
        (vec![&own, "Sec-Fetch-Site: cross-site"], Some("Sec-Fetch-Site")),
        (vec!["Host: evil.example"], Some("Host")),
        (vec![&own, "Host: evil.example"], Some("Host")),
        (vec![], Some("Host")),
    ] {
        for (method, path) in
            [("GET", "/_sim/v1/clock"), ("POST", "/_sim/v1/orders/A1/pay"), ("GET", "/_sim/v1/openapi.json")]
        {
            let (status, head, body) = ask(&server, method, path, &headers).await;
            assert_eq!(status == 403, field.is_some(), "{headers:?} {body}");
            if let Some(field) = field {
                assert_eq!(body["field"], field, "{headers:?}");
                assert!(body["detail"].as_str().unwrap().starts_with(field) && head.contains("problem+json"));
            }
        }
    }
}

#[tokio::test]
async fn gateway_itself_answers_any_host() {
    let server = start("127.0.0.1:0", Access::default()).await.unwrap();
    let headers = ["Host: api.mch.weixin.qq.com", "Origin: http://evil.example"];
    assert_eq!(ask(&server, "GET", "/v3/certificates", &headers).await.0, 400);
}

#[tokio::test]
async fn token_is_required_outside_of_loopback() {
    let error = start("0.0.0.0:0", Access::default()).await.err().unwrap();
    assert!(error.to_string().contains("requires a token"), "{error}");
    for address in ["0.0.0.0:0", "127.0.0.1:0"] {
        let server = start(address, with_token()).await.unwrap();
        let host = "Host: 192.0.2.7";
        let (status, head, body) = ask(&server, "GET", "/_sim/v1/clock", &[host]).await;
        assert_eq!((status, &body["field"]), (401, &"Authorization".into()));
        assert!(head.contains("\r\nwww-authenticate: bearer realm=\"wxpay-sim control\"\r\n"), "{head}");
        assert!(!body.to_string().contains(TOKEN));
        let wrong = "Authorization: Bearer s3cr3t-s3cr3t-s3cr3T";
        assert_eq!(ask(&server, "GET", "/_sim/v1/clock", &[host, wrong]).await.0, 401);
        let right = format!("Authorization: Bearer {TOKEN}");
        assert_eq!(ask(&server, "GET", "/_sim/v1/clock", &[host, &right]).await.0, 200);
        // The token does not help a page of another site.
        let origin = "Origin: http://evil.example";
        assert_eq!(ask(&server, "GET", "/_sim/v1/clock", &[host, &right, origin]).await.0, 403);
        assert!(!format!("{server:?}").contains(TOKEN));
    }
}

#[tokio::test]
async fn added_host_name_is_allowed() {
    let server = start("127.0.0.1:0", Access::default().with_host("sim")).await.unwrap();
    assert_eq!(ask(&server, "GET", "/_sim/v1/clock", &["Host: sim:8080"]).await.0, 200);
    assert_eq!(ask(&server, "GET", "/_sim/v1/clock", &["Host: sin:8080"]).await.0, 403);
}
