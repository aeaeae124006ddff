use super::*;
use proptest::prelude::*;

fn parsed(text: &str) -> Message {
    Message::parse(text.as_bytes()).unwrap()
}

fn refused(text: &str) -> String {
    Message::parse(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn json_message_is_parsed() {
    let message = parsed(
        r#"{"kind":"request","method":"POST","url":"/v3/x?a=1","headers":{"Authorization":"A","X":["1",2]},"body":"支"}"#,
    );
    assert_eq!(
        (message.kind, message.method.as_str(), message.url.as_str()),
        (Kind::Request, "POST", "/v3/x?a=1")
    );
    assert_eq!((message.header("authorization"), message.headers.len()), (Some("A"), 3));
    assert_eq!(message.body, "支".as_bytes());
    assert_eq!(parsed(r#"{"kind":"reply","body_base64":"/w=="}"#).body, [0xff]);
    assert_eq!(parsed(r#"{"paySign":"x"}"#).kind, Kind::ClientParams);
    assert_eq!(parsed(r#"{"kind":"client_params","body":{"sign":"x"}}"#).body, br#"{"sign":"x"}"#);
}

#[test]
fn json_message_that_is_invalid_names_the_field() {
    for (text, part) in [
        ("{", "not JSON"),
        ("[1", "not JSON"),
        ("[1,2]", "must be a JSON object with kind, method, url, headers and body"),
        ("\"text\"", "must be a JSON object with kind"),
        (r#"{"kind":"other"}"#, "kind must be"),
        (r#"{"kind":"request"}"#, "method and url"),
        (r#"{"kind":"reply","headers":[]}"#, "headers must be"),
        (r#"{"kind":"reply","headers":{"A":{}}}"#, "the header \"A\""),
        (r#"{"kind":"reply","body":{}}"#, "body must be"),
        (r#"{"kind":"reply","body":1}"#, "body must be"),
        (r#"{"kind":"reply","body_base64":"?"}"#, "body_base64"),
    ] {
        assert!(refused(text).contains(part), "{text}: {}", refused(text));
    }
}

#[test]
fn raw_http_is_parsed() {
    let request =
        parsed("POST /v3/x HTTP/1.1\r\nHost: h\r\nAuthorization: A\r\nContent-Length: 2\r\n\r\n{}\n");
    assert_eq!(
        (request.kind, request.url.as_str(), request.body.as_slice()),
        (Kind::Request, "/v3/x", &b"{}"[..])
    );
    let notification = parsed("POST /n HTTP/1.1\nWechatpay-Signature: s\n\n{}\n");
    assert_eq!((notification.kind, notification.body.as_slice()), (Kind::Notification, &b"{}\n"[..]));
    let reply =
        parsed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n");
    assert_eq!((reply.kind, reply.body.as_slice()), (Kind::Reply, &b"{}"[..]));
    assert_eq!(parsed("HTTP/1.1 204 No Content\r\n\r\n").body, b"");
    assert!(refused("hello").contains("must be a JSON object, a raw HTTP request"));
    assert!(refused("GET / HTTP/1.1\r\nnonsense\r\n\r\n").contains("no colon"));
}

#[test]
fn folded_header_lines_are_joined_with_one_blank() {
    let message = parsed(
        "POST /v3/x HTTP/1.1\nHost: h\nAuthorization: WECHATPAY2-SHA256-RSA2048\n mchid=\"1\",\r\n\t serial_no=\"2\"\nX-Y:\n z\n\n{}",
    );
    assert_eq!(
        message.header("authorization"),
        Some("WECHATPAY2-SHA256-RSA2048 mchid=\"1\", serial_no=\"2\"")
    );
    assert_eq!((message.header("x-y"), message.headers.len()), (Some("z"), 3));
    // A whole head with an indent is not folded.
    let message = parsed("  POST /v3/x HTTP/1.1\n  Host: h\n  Authorization: A\n\n{}");
    assert_eq!((message.header("host"), message.header("authorization")), (Some("h"), Some("A")));
}

#[test]
fn request_line_may_lack_its_version() {
    let message = parsed("POST /v3/x?a=1\nAuthorization: A\n\n{}");
    assert_eq!(
        (message.kind, message.method.as_str(), message.url.as_str()),
        (Kind::Request, "POST", "/v3/x?a=1")
    );
    assert_eq!(parsed("get https://h/v3/x\n").url, "https://h/v3/x");
    assert_eq!(parsed("POST /n\nWechatpay-Signature: s\n\n{}").kind, Kind::Notification);
    for text in ["POST", "POST x", "hello /x", "POST /v3/x y", "12"] {
        assert!(refused(text).contains("must be a JSON object, a raw HTTP request"), "{text}");
    }
}

#[test]
fn curl_command_is_parsed() {
    let message = parsed(
        "curl -sS -X POST \\\n 'https://api.mch.weixin.qq.com/v3/x' -H \"Authorization: A \\\"q\\\"\" --header=Accept:x -d '{\"a\":\"支\"}'",
    );
    assert_eq!(
        (message.method.as_str(), message.url.as_str()),
        ("POST", "https://api.mch.weixin.qq.com/v3/x")
    );
    assert_eq!((message.header("authorization"), message.header("accept")), (Some("A \"q\""), Some("x")));
    assert_eq!(message.body, "{\"a\":\"支\"}".as_bytes());
    assert_eq!(parsed("$ curl http://h/?a=1&b=2").method, "GET");
    assert_eq!(parsed("curl -G --data-raw b=2 http://h/?a=1").url, "http://h/?a=1&b=2");
    assert_eq!(parsed("curl http://h/ -d $'a\\n'").body, b"a\n");
    for (text, part) in [
        ("curl 'http://h", "unclosed quote"),
        ("curl -s", "no URL"),
        ("curl http://h -d @file", "from a file"),
        ("curl http://h -F a=b", "boundary"),
        ("curl http://h -H", "no value"),
    ] {
        assert!(refused(text).contains(part), "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), form in 0..4_usize) {
        let prefix: [&[u8]; 4] = [b"", b"{\"kind\":\"reply\",\"body\":\"", b"curl ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"];
        drop(Message::parse(&[prefix[form], &bytes].concat()));
    }
}
