//! The parts of a merchant beside its client: the simulator's environment, a payer, and an endpoint for notifications.

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

/// Returns a variable of the simulator's environment.
pub fn environment(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is required: source the simulator's environment file"))
}

/// Returns the content of the file that a variable names.
pub fn content(name: &str) -> String {
    fs::read_to_string(environment(name)).unwrap()
}

/// Returns a new, unique merchant's number.
pub fn number(letter: char) -> String {
    format!("{letter}{}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos())
}

/// Returns the source of the platform's keys, the only argument: `certificates` or `public-key`.
pub fn mode() -> String {
    let mode = env::args().nth(1).unwrap_or_default();
    assert!(matches!(mode.as_str(), "certificates" | "public-key"), "usage: certificates | public-key");
    mode
}

/// Lets the payer pay an order.
pub fn pay(out_trade_no: &str) {
    control(&format!("orders/{out_trade_no}/pay"), &json!({}));
}

/// Opens the payment parameters in the payer's client, checks the amount, and cancels.
pub fn open_and_cancel(parameters: &Value, total: u64) {
    let result = control("payer/cancel", parameters);
    assert_eq!(
        (&result["payment_request"]["total"], &result["resp"]["errCode"]),
        (&json!(total), &json!(-2)),
        "{result}"
    );
}

fn control(path: &str, fields: &Value) -> Value {
    let (status, reply) = post(path, fields);
    assert_eq!(status, 200, "{reply}");
    reply
}

/// Sends a request to the control interface. Returns the status and the body.
pub fn post(path: &str, fields: &Value) -> (u16, Value) {
    let base_url = environment("WXPAY_BASE_URL");
    let host = base_url.strip_prefix("http://").expect("WXPAY_BASE_URL must begin with http://");
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
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap())
}

/// A notification as received, and the client's result of verifying and decrypting it.
#[derive(Debug)]
pub struct Received<T> {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub content: Result<T, String>,
}

impl<T> Received<T> {
    /// Returns the value of a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }
}

/// An endpoint for notifications: answers 204 if the client accepts a notification, otherwise 401.
pub struct Notifications<T> {
    pub url: String,
    received: Receiver<Received<T>>,
}

impl<T: Send + 'static> Notifications<T> {
    /// Starts the endpoint. `open` verifies and decrypts a notification with the client.
    pub fn listen(open: impl Fn(&Received<T>) -> Result<T, String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                match receive(stream.unwrap(), &open) {
                    Ok(notification) => drop(sender.send(notification)),
                    Err(error) => eprintln!("incomplete notification: {error}"),
                }
            }
        });
        Self { url, received }
    }

    /// Waits for the next notification. It must arrive at `path`, and the client must accept it.
    pub fn next(&self, path: &str) -> (T, Received<()>) {
        let Received { path: actual, headers, body, content } =
            self.received.recv_timeout(Duration::from_secs(20)).expect("no notification within 20 seconds");
        assert_eq!(actual, path);
        let content =
            content.unwrap_or_else(|error| panic!("the client rejected a notification: {error}: {body}"));
        (content, Received { path: actual, headers, body, content: Ok(()) })
    }

    /// Returns whether no further notification has arrived.
    pub fn is_empty(&self) -> bool {
        self.received.try_recv().is_err()
    }
}

/// Reads one request, responds with the client's result, and returns both.
fn receive<T>(
    mut stream: TcpStream,
    open: impl Fn(&Received<T>) -> Result<T, String>,
) -> io::Result<Received<T>> {
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
    let mut notification = Received { path, headers, body: String::new(), content: Err(String::new()) };
    let length = notification.header("content-length").parse().map_err(io::Error::other)?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    notification.body = String::from_utf8(body).map_err(io::Error::other)?;
    notification.content = open(&notification);
    let status = if notification.content.is_ok() { "204 No Content" } else { "401 Unauthorized" };
    write!(stream, "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
    Ok(notification)
}
