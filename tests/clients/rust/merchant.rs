//! What a merchant has beside its client: the simulator's environment, a payer who pays, and a place where notices come.

use serde_json::{Value, json};
use std::{
    env, fs,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";
pub const ATTACH: &str = "甲 + \"乙\"";

/// The simulator's name for `name`.
pub fn environment(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: this needs the simulator's environment"))
}

/// What is in the file that the simulator names `name`.
pub fn content(name: &str) -> String {
    fs::read_to_string(environment(name)).unwrap()
}

/// A number of ours that nobody used before.
pub fn number(letter: char) -> String {
    format!("{letter}{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

/// How the keys come: `certificates` or `public-key`, the one argument.
pub fn mode() -> String {
    let mode = env::args().nth(1).unwrap_or_default();
    assert!(matches!(mode.as_str(), "certificates" | "public-key"), "usage: certificates | public-key");
    mode
}

/// The payer pays.
pub fn pay(out_trade_no: &str) {
    control(&format!("orders/{out_trade_no}/pay"), &json!({}));
}

/// The payer sees the bill that the page's parameters are of, and goes back.
pub fn look_at_the_bill(parameters: &Value, total: u64) {
    let seen = control("payer/cancel", parameters);
    assert_eq!((&seen["payment_request"]["total"], &seen["resp"]["errCode"]), (&json!(total), &json!(-2)), "{seen}");
}

fn control(path: &str, fields: &Value) -> Value {
    let base_url = environment("WXPAY_BASE_URL");
    let host = base_url.strip_prefix("http://").expect("the simulator speaks plain HTTP here");
    let mut stream = TcpStream::connect(host).unwrap();
    let body = fields.to_string();
    write!(
        stream,
        "POST /_sim/v1/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

/// A notice as it came, and whether the client took it.
#[derive(Debug)]
pub struct Heard<T> {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub told: Result<T, String>,
}

impl<T> Heard<T> {
    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(named, _)| named.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// Where notices come: each is answered 204 if the client took it, else 401.
pub struct Notifications<T> {
    pub url: String,
    heard: Receiver<Heard<T>>,
}

impl<T: Send + 'static> Notifications<T> {
    /// `open` is how the client verifies a notice and decrypts it.
    pub fn listen(open: impl Fn(&Heard<T>) -> Result<T, String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, heard) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                match hear_one(stream.unwrap(), &open) {
                    Ok(notification) => drop(tell.send(notification)),
                    Err(error) => eprintln!("half a notice: {error}"),
                }
            }
        });
        Self { url, heard }
    }

    /// The next notice, which must have come to `path` and be a good one.
    pub fn hear(&self, path: &str) -> (T, Heard<()>) {
        let Heard { path: heard_at, headers, body, told } =
            self.heard.recv_timeout(Duration::from_secs(20)).expect("no notice came");
        assert_eq!(heard_at, path);
        let told = told.unwrap_or_else(|error| panic!("the client refused a notice: {error}: {body}"));
        (told, Heard { path: heard_at, headers, body, told: Ok(()) })
    }

    /// Whether nothing came that was not asked for.
    pub fn is_quiet(&self) -> bool {
        self.heard.try_recv().is_err()
    }
}

fn hear_one<T>(mut stream: TcpStream, open: impl Fn(&Heard<T>) -> Result<T, String>) -> io::Result<Heard<T>> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut lines = reader.by_ref().lines();
    let path = lines.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    let path = path.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut notification = Heard { path, headers, body: String::new(), told: Err(String::new()) };
    let length = notification.header("content-length").parse().map_err(io::Error::other)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    notification.body = String::from_utf8(body).map_err(io::Error::other)?;
    notification.told = open(&notification);
    let status = if notification.told.is_ok() { "204 No Content" } else { "401 Unauthorized" };
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    Ok(notification)
}
