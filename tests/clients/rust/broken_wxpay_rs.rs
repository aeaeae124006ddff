//! `wxpay-rs` (crates.io), broken from outside as developers break such clients: `wxpay explain` must name each breakage.
//!
//! The package is unmodified: each breakage is in its signer, in its HTTP client or in its configuration. Prints one JSON
//! object per breakage, with the message as sent and as answered. Exits with 0 if every breakage was shown.

#[allow(dead_code, reason = "it receives no notifications")]
mod merchant;

use async_trait::async_trait;
use merchant::{OPENID, content, environment, number, post};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use wxpay_rs::{
    WxPayClient, WxPayConfig, WxPayResult,
    auth::{Sha256RsaSigner, Signer},
    http::{HttpClient, ReqwestHttpClient, client::HttpResponse},
    services::payments::jsapi::{Amount, JsapiRequest, Payer},
};

/// The private key of another merchant.
const OTHER_KEY: &str = include_str!("../../../crates/wxpay-cli/tests/keys/merchant_key.pem");

/// A call that is broken.
#[derive(Clone, Copy)]
enum Call {
    Order,
    Query,
}

/// A request on its way, after the client has signed it.
#[derive(Clone)]
struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Request {
    fn authorization(&mut self) -> &mut String {
        let header = self.headers.iter_mut().find(|(name, _)| name == "Authorization");
        &mut header.unwrap().1
    }

    /// Changes a value of `Authorization`.
    fn change_value(&mut self, name: &str, change: impl Fn(&str) -> String) {
        let header = self.authorization();
        let start = header.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        let end = start + header[start..].find('"').unwrap();
        let changed = change(&header[start..end]);
        header.replace_range(start..end, &changed);
    }
}

/// The changes of one breakage. By default none.
struct Breakage {
    name: &'static str,
    cause: Option<&'static str>,
    certainty: &'static str,
    call: Call,
    signed: fn(&str) -> String,
    signature: fn(String) -> String,
    sent: fn(&mut Request),
    mchid: String,
    serial: String,
    key: String,
}

fn broken(name: &'static str, cause: &'static str, call: Call) -> Breakage {
    Breakage {
        name,
        cause: Some(cause).filter(|cause| !cause.is_empty()),
        certainty: "exact",
        call,
        signed: str::to_owned,
        signature: |signature| signature,
        sent: |_| {},
        mchid: environment("WXPAY_MCHID"),
        serial: environment("WXPAY_SERIAL_NO"),
        key: content("WXPAY_PRIVATE_KEY_FILE"),
    }
}

impl Breakage {
    /// Changes the string that is signed.
    fn signed(self, signed: fn(&str) -> String) -> Self {
        Self { signed, ..self }
    }

    /// Changes the signature.
    fn signature(self, signature: fn(String) -> String) -> Self {
        Self { signature, ..self }
    }

    /// Changes the request after it was signed.
    fn sent(self, sent: fn(&mut Request)) -> Self {
        Self { sent, ..self }
    }

    /// The cause cannot be proved.
    fn likely(self) -> Self {
        Self { certainty: "likely", ..self }
    }
}

/// Changes one line of the signed string: 0 method, 1 URL, 2 timestamp, 3 nonce, 4 body.
fn line(text: &str, index: usize, change: impl Fn(&str) -> String) -> String {
    let mut lines: Vec<String> = text.splitn(5, '\n').map(str::to_owned).collect();
    lines[index] = change(&lines[index]);
    lines.join("\n")
}

fn hour_ago(seconds: &str) -> String {
    (seconds.parse::<u64>().unwrap() - 3600).to_string()
}

/// Changes the body of the signed string.
fn body(text: &str, change: impl Fn(Value) -> String) -> String {
    line(text, 4, |body| change(serde_json::from_str(body).unwrap()) + "\n")
}

fn breakages() -> Vec<Breakage> {
    use Call::{Order, Query};
    vec![
        broken("unbroken order", "", Order),
        broken("unbroken query", "", Query),
        broken("lines.join(\"\\n\")", "missing_final_line_feed", Order)
            .signed(|text| text.strip_suffix('\n').unwrap().into()),
        broken("trim_end()", "missing_body_line_feed", Query).signed(|text| text.trim_end().into()),
        broken("writeln! after the last line", "extra_line_feed", Query).signed(|text| format!("{text}\n")),
        broken("CR LF", "crlf", Order).signed(|text| text.replace('\n', "\r\n")),
        broken("r\"\\n\"", "literal_backslash_n", Query).signed(|text| text.replace('\n', "\\n")),
        broken("concat!, no line feeds", "line_separator", Order).signed(|text| text.replace('\n', "")),
        broken("URL before method", "line_order", Query).signed(|text| {
            let lines: Vec<&str> = text.splitn(3, '\n').collect();
            format!("{}\n{}\n{}", lines[1], lines[0], lines[2])
        }),
        broken("url.as_str()", "host_in_url", Order)
            .signed(|text| line(text, 1, |path| format!("https://api.mch.weixin.qq.com{path}"))),
        broken("the router's path, without /v3", "path_prefix", Query)
            .signed(|text| line(text, 1, |path| path.replacen("/v3", "", 1))),
        broken("Url::join with a slash at the end", "trailing_slash", Order)
            .sent(|request| request.url.push('/')),
        broken("url.path()", "query_missing", Query)
            .signed(|text| line(text, 1, |path| path.split('?').next().unwrap().into())),
        broken("a parameter added by a middleware", "query_missing", Query)
            .sent(|request| request.url.push_str("&trace=1")),
        broken("form_urlencoded of a query that is not", "query_reencoded", Query)
            .sent(|request| request.url.push_str("&time=10:30"))
            .signed(|text| line(text, 1, |path| format!("{path}&time=10%3A30"))),
        broken("{:?} of an enum: Post", "method_case", Order).signed(|text| line(text, 0, |_| "Post".into())),
        broken("Method::POST for all", "method_differs", Query)
            .signed(|text| line(text, 0, |_| "POST".into())),
        broken("as_millis() signed", "timestamp_milliseconds", Order)
            .signed(|text| line(text, 2, |seconds| format!("{seconds}999"))),
        broken("as_millis() sent", "timestamp_milliseconds", Query)
            .sent(|request| request.change_value("timestamp", |seconds| format!("{seconds}999"))),
        broken("the time read again for the header", "timestamp_differs", Order)
            .signed(|text| line(text, 2, |seconds| (seconds.parse::<u64>().unwrap() + 1).to_string())),
        broken("a signature kept for an hour", "clock_skew", Query)
            .signed(|text| line(text, 2, hour_ago))
            .sent(|request| request.change_value("timestamp", hour_ago)),
        broken("Uuid::new_v4() called twice", "nonce_differs", Query)
            .signed(|text| line(text, 3, |_| "0d1f5e8e6a7c4d0c9b9a3f1b2c4d5e6f".into()))
            .likely(),
        broken("nonce.to_uppercase() signed", "nonce_differs", Order)
            .signed(|text| line(text, 3, str::to_uppercase)),
        broken("to_string_pretty signed", "body_reserialized", Order)
            .signed(|text| body(text, |body| serde_json::to_string_pretty(&body).unwrap())),
        broken("to_string of a Value, with sorted members", "body_reserialized", Order)
            .signed(|text| body(text, |body| body.to_string())),
        broken("json(&text) of text that is JSON already", "body_reserialized", Order)
            .sent(|request| request.body = Value::from(request.body.clone()).to_string()),
        broken("a line feed after the body", "body_trimmed", Order).sent(|request| request.body.push('\n')),
        broken("a byte order mark before the body", "body_bom", Order)
            .sent(|request| request.body.insert(0, '\u{feff}')),
        broken("bytes taken for characters", "body_charset", Order)
            .signed(|text| line(text, 4, |body| body.bytes().map(char::from).collect())),
        broken("unwrap_or_default() of the body", "body_not_signed", Order)
            .signed(|text| line(text, 4, |_| "\n".into())),
        broken("the unit type serialised: null", "braces_for_empty_body", Query)
            .signed(|text| line(text, 4, |_| "null\n".into())),
        Breakage {
            key: OTHER_KEY.into(),
            ..broken("the private key of another merchant", "wrong_key", Order)
        }
        .likely(),
        Breakage {
            serial: environment("WXPAY_PLATFORM_SERIAL_NO"),
            ..broken("the serial number of the platform certificate", "serial_of_another_certificate", Query)
        },
        broken("the serial number with colons", "serial_format", Query).sent(|request| {
            request.change_value("serial_no", |serial| {
                let pairs: Vec<&str> = (0..serial.len()).step_by(2).map(|at| &serial[at..at + 2]).collect();
                pairs.join(":")
            });
        }),
        Breakage {
            mchid: "1900000109".into(),
            ..broken("the mchid of the sub-merchant", "wrong_mchid", Order)
        },
        broken("URL_SAFE", "signature_encoding", Order)
            .signature(|text| text.replace('+', "-").replace('/', "_").trim_end_matches('=').into()),
        broken("a signature wrapped by a PEM library", "signature_encoding", Query).signature(|text| {
            text.as_bytes()
                .chunks(64)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect::<Vec<_>>()
                .join("\\n")
        }),
        broken("a hash of APIv2", "apiv2_signature", Order).signature(|_| "0123456789ABCDEF".repeat(2)),
        broken("no Authorization", "header_grammar", Query)
            .sent(|request| request.headers.retain(|(name, _)| name != "Authorization")),
        broken("values without commas", "header_grammar", Order)
            .sent(|request| *request.authorization() = request.authorization().replace("\",", "\" ")),
        broken("the scheme in lower case", "header_grammar", Query).sent(|request| {
            let header = request.authorization();
            *header = header.replace("WECHATPAY2-SHA256-RSA2048", "wechatpay2-sha256-rsa2048");
        }),
    ]
}

/// The client's own signer, with its input and its output changed.
struct BrokenSigner {
    signer: Sha256RsaSigner,
    signed: fn(&str) -> String,
    signature: fn(String) -> String,
}

#[async_trait]
impl Signer for BrokenSigner {
    async fn sign(&self, message: &str) -> WxPayResult<String> {
        self.signer.sign(&(self.signed)(message)).await.map(self.signature)
    }

    fn merchant_id(&self) -> &str {
        self.signer.merchant_id()
    }

    fn cert_serial_number(&self) -> &str {
        self.signer.cert_serial_number()
    }
}

/// The client's own HTTP client, redirected to the simulator, with its requests changed and recorded.
struct BrokenHttp {
    http: ReqwestHttpClient,
    sent: fn(&mut Request),
    exchanges: Arc<Mutex<Vec<(Request, HttpResponse)>>>,
}

impl BrokenHttp {
    async fn send(
        &self,
        method: &'static str,
        url: &str,
        headers: Vec<(String, String)>,
        body: &str,
    ) -> WxPayResult<HttpResponse> {
        let target = url.strip_prefix("https://api.mch.weixin.qq.com").unwrap();
        let url = format!("{}{target}", environment("WXPAY_BASE_URL"));
        let mut request = Request { method, url, headers, body: body.to_owned() };
        (self.sent)(&mut request);
        let headers = request.headers.clone();
        let response = match method {
            "GET" => self.http.get(&request.url, headers).await?,
            _ => self.http.post(&request.url, headers, &request.body).await?,
        };
        self.exchanges.lock().unwrap().push((request, response.clone()));
        Ok(response)
    }
}

type Headers = Vec<(String, String)>;

#[async_trait]
impl HttpClient for BrokenHttp {
    async fn get(&self, url: &str, headers: Headers) -> WxPayResult<HttpResponse> {
        self.send("GET", url, headers, "").await
    }

    async fn post(&self, url: &str, headers: Headers, body: &str) -> WxPayResult<HttpResponse> {
        self.send("POST", url, headers, body).await
    }

    async fn put(&self, _: &str, _: Headers, _: &str) -> WxPayResult<HttpResponse> {
        unreachable!("no call of this program uses PUT")
    }

    async fn delete(&self, _: &str, _: Headers) -> WxPayResult<HttpResponse> {
        unreachable!("no call of this program uses DELETE")
    }

    async fn patch(&self, _: &str, _: Headers, _: &str) -> WxPayResult<HttpResponse> {
        unreachable!("no call of this program uses PATCH")
    }
}

async fn client(breakage: &Breakage, exchanges: &Arc<Mutex<Vec<(Request, HttpResponse)>>>) -> WxPayClient {
    let Breakage { mchid, serial, key, signed, signature, sent, .. } = breakage;
    let config = WxPayConfig::builder()
        .app_id(environment("WXPAY_APPID"))
        .merchant_id(mchid)
        .api_v3_key(environment("WXPAY_API_V3_KEY"))
        .private_key(key.clone().into_bytes())
        .cert_serial_number(serial)
        .platform_public_key(
            environment("WXPAY_PUBLIC_KEY_ID"),
            content("WXPAY_PUBLIC_KEY_FILE").into_bytes(),
        )
        .max_retries(0);
    let signer = Sha256RsaSigner::new(mchid, key.as_bytes(), serial).unwrap();
    let http = ReqwestHttpClient::builder().timeout(10).max_retries(0).build().unwrap();
    WxPayClient::builder()
        .config(config.build().unwrap())
        .signer(BrokenSigner { signer, signed: *signed, signature: *signature })
        .http_client(BrokenHttp { http, sent: *sent, exchanges: Arc::clone(exchanges) })
        .build()
        .await
        .unwrap()
}

fn order(out_trade_no: &str) -> JsapiRequest {
    JsapiRequest {
        appid: environment("WXPAY_APPID"),
        mchid: environment("WXPAY_MCHID"),
        description: "一双筷子 <A&B>".to_owned(),
        out_trade_no: out_trade_no.to_owned(),
        amount: Some(Amount { total: 1999, currency: Some("CNY".to_owned()) }),
        payer: Some(Payer { openid: OPENID.to_owned() }),
        notify_url: Some("http://127.0.0.1:9/payments".to_owned()),
    }
}

fn report(name: &str, cause: Option<&str>, certainty: &str, evidence: Value) {
    let mut shown = json!({ "client": format!("wxpay-rs {}", wxpay_rs::version()), "breakage": name,
        "expected": cause, "certainty": certainty });
    shown.as_object_mut().unwrap().extend(evidence.as_object().unwrap().clone());
    println!("{shown}");
}

async fn show_request(breakage: &Breakage, placed_no: &str) {
    let exchanges = Arc::default();
    let wxpay = client(breakage, &exchanges).await;
    // Of a refused request, the reply is an error of the client.
    match breakage.call {
        Call::Order => drop(wxpay.jsapi().create_order(&order(&number('B'))).await),
        Call::Query => drop(wxpay.query_order_by_out_trade_no(placed_no).await),
    }
    let exchanges = exchanges.lock().unwrap();
    let [(request, response)] = exchanges.as_slice() else {
        panic!("{}: no request was sent", breakage.name)
    };
    let headers: serde_json::Map<String, Value> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let id = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("request-id")).unwrap();
    report(
        breakage.name,
        breakage.cause,
        breakage.certainty,
        json!({
            "message": { "kind": "request", "method": request.method, "url": request.url, "headers": headers,
                "body": request.body },
            "status": response.status, "request_id": id.1,
        }),
    );
}

/// Payment parameters with a changed signed string, and then changed themselves. The payer's client refuses them.
async fn show_parameters(
    (name, cause, certainty): (&'static str, &'static str, &'static str),
    prepay_id: &str,
    signed: fn(&str) -> String,
    change: fn(&mut Value),
) {
    let wxpay = client(&broken(name, cause, Call::Order).signed(signed), &Arc::default()).await;
    let parameters = wxpay.jsapi().generate_pay_params(prepay_id).await.unwrap();
    let mut parameters = serde_json::to_value(parameters).unwrap();
    change(&mut parameters);
    let (status, answer) = post("payer/show", &parameters);
    let causes = answer["causes"].as_array().cloned().unwrap_or_default();
    let causes: Vec<Value> = causes
        .iter()
        .map(|cause| json!([cause["id"], if cause["is_proved"] == true { "exact" } else { "likely" }]))
        .collect();
    report(
        name,
        Some(cause).filter(|cause| !cause.is_empty()),
        certainty,
        json!({ "message": { "kind": "client_params", "body": parameters }, "status": status, "causes": causes }),
    );
}

#[tokio::main]
async fn main() {
    let placed_no = number('B');
    let wxpay = client(&broken("", "", Call::Order), &Arc::default()).await;
    let placed = wxpay.jsapi().create_order(&order(&placed_no)).await.unwrap();
    for breakage in breakages() {
        show_request(&breakage, &placed_no).await;
    }
    let unchanged = |_: &mut Value| {};
    let parameters: [((_, _, _), fn(&str) -> String, fn(&mut Value)); 8] = [
        (("unbroken page", "", "exact"), str::to_owned, unchanged),
        (
            ("page: the bare prepay_id signed", "prepay_id_prefix", "exact"),
            |text| text.replace("prepay_id=", ""),
            unchanged,
        ),
        (("page: the bare prepay_id sent", "prepay_id_prefix", "exact"), str::to_owned, |page| {
            page["package"] = page["package"].as_str().unwrap().replace("prepay_id=", "").into()
        }),
        (("page: as_millis() sent", "client_timestamp", "exact"), str::to_owned, |page| {
            page["timeStamp"] = format!("{}000", page["timeStamp"].as_str().unwrap()).into()
        }),
        (("page: u64 as timeStamp", "client_timestamp", "exact"), str::to_owned, |page| {
            page["timeStamp"] = page["timeStamp"].as_str().unwrap().parse::<u64>().unwrap().into()
        }),
        (("page: signType MD5", "client_sign_type", "exact"), str::to_owned, |page| {
            page["signType"] = "MD5".into()
        }),
        (
            ("page: the appid of another app signed", "wrong_appid", "likely"),
            |text| text.replacen("wx", "wy", 1),
            unchanged,
        ),
        (
            ("page: lines joined by \\n, none at the end", "missing_final_line_feed", "exact"),
            |text| text.trim_end().into(),
            unchanged,
        ),
    ];
    for (expected, signed, change) in parameters {
        show_parameters(expected, &placed.prepay_id, signed, change).await;
    }
}
