//! Tests with real sockets. Each is bounded in time.
mod flood;
mod limits;
mod log;
mod shutdown;

use super::*;
use crate::ambient::System;
use bytes::Bytes;
use std::io;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{sleep, timeout},
};

/// A server on a free port of the loopback interface.
struct TestServer {
    address: SocketAddr,
    shutdown: Shutdown,
    accepting: JoinHandle<()>,
}

impl TestServer {
    fn start(options: Options) -> Self {
        Self::with(options, answer, Observer::default())
    }

    fn with<S, F>(options: Options, service: S, observer: Observer) -> Self
    where
        S: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), Shutdown::new());
        let accepting = serve(listener, service, options, observer, shutdown.clone(), Arc::new(System));
        Self { address, shutdown, accepting }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a request on a new connection and returns all that is answered until the server closes.
    async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }

    async fn get(&self, path: &str) -> String {
        self.exchange(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }
}

/// Reads until the server closes, at most 10 seconds.
async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    let ended: io::Result<usize> = read.expect("the server must close the connection");
    ended.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Returns the status of a response.
fn status(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status line: {answer:?}"))
}

/// The service of the tests.
async fn answer(request: Request) -> Response {
    let path = request.uri().path().to_owned();
    match path.as_str() {
        "/big" => Response::new(Body::from(vec![b'x'; 32 * 1024])),
        "/slow" => {
            sleep(Duration::from_millis(300)).await;
            Response::new("slow".into())
        }
        "/hang" => std::future::pending().await,
        "/stream" => {
            let (sender, body) = Body::stream(1);
            drop(tokio::spawn(async move {
                while sender.send(Bytes::from_static(b"data: {}\n\n")).await.is_ok() {
                    sleep(Duration::from_millis(20)).await;
                }
            }));
            Response::new(body)
        }
        "/body" => match read_body(request.into_body(), 1000, Duration::from_millis(300)).await {
            Ok(bytes) => Response::new(bytes.len().to_string().into()),
            Err(error) => {
                let mut response = Response::new(error.to_string().into());
                *response.status_mut() = error.status();
                response
            }
        },
        _ => {
            let mut response = Response::new("{}".into());
            response.extensions_mut().insert(Route("/route"));
            response
        }
    }
}
