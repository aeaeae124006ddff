//! A shop that uses a reply whose signature is wrong: it takes the `prepay_id` from the bytes as received.

use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};
use wxpay_proto::{
    Error, UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
    v3::{Merchant, pay::JsapiOrder},
};
use wxpay_testkit::drive::Driver;

/// Places an order. Returns parameters even if the reply is not signed by WeChat Pay.
pub(crate) fn place(merchant: &Merchant, order: JsapiOrder) -> Result<Value, Error> {
    let mut driver = Driver::default();
    driver.now = crate::shops::now();
    let mut received = None;
    let mut network = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
        let reply = send(&transmit);
        received =
            reply.as_ref().ok().filter(|reply| reply.status() == 200).map(|reply| reply.body().to_vec());
        (reply.map_err(|error| Failure::Lost(error.to_string().into())), Duration::ZERO)
    };
    match driver.run(merchant.call(order), &mut network) {
        Ok(params) => Ok(serde_json::to_value(params).unwrap()),
        Err(error) => {
            let Some(body) = received else { return Err(error) };
            let reply: Value = serde_json::from_slice(&body).unwrap_or_default();
            Ok(json!({ "package": format!("prepay_id={}", reply["prepay_id"]) }))
        }
    }
}

fn send(transmit: &Transmit) -> std::io::Result<Response> {
    let invalid = || std::io::Error::other("not an HTTP message");
    let request = &transmit.request;
    let rest = request.url().strip_prefix("http://").ok_or_else(invalid)?;
    let (host, path) = rest.split_once('/').ok_or_else(invalid)?;
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "{} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n",
        request.method().as_str()
    )?;
    for (name, value) in request.headers() {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "content-length: {}\r\n\r\n", request.body().len())?;
    stream.write_all(request.body())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    let (head, body) = reply.split_once("\r\n\r\n").ok_or_else(invalid)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(invalid)?;
    let response = Response::new(status, body.as_bytes().to_vec());
    let headers = lines.filter_map(|line| line.split_once(": "));
    Ok(headers.fold(response, |response, (name, value)| response.with_header(name, value.as_bytes())))
}
