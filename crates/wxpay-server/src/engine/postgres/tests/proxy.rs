//! A proxy before the database, by which connections are cut and frozen.

use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The behaviour of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Relay,
    /// Closes the connection when a commit arrives, before it is passed on.
    CutBeforeCommit,
    /// Passes a commit on, and closes the connection in place of the reply.
    CutAfterCommit,
    /// Closes the connection when rows are read.
    CutBeforeSelect,
    /// Passes nothing on.
    Freeze,
}

#[derive(Clone, Debug)]
pub(super) struct Proxy {
    pub(super) port: u16,
    mode: Arc<Mutex<Mode>>,
}

impl Proxy {
    pub(super) async fn new(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), mode: Arc::default() };
        let shared = proxy.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let proxy = shared.clone();
                tokio::spawn(async move { proxy.relay(client, target).await });
            }
        });
        proxy
    }

    pub(super) fn set(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }

    async fn relay(&self, mut client: TcpStream, target: u16) {
        let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
        let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
        loop {
            let is_from_client;
            let read = tokio::select! {
                read = client.read(&mut from_client) => { is_from_client = true; read }
                read = server.read(&mut from_server) => { is_from_client = false; read }
            };
            let count = match read {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            let contains =
                |text: &[u8]| from_client[..count].windows(text.len()).any(|window| window == text);
            match self.mode() {
                Mode::Freeze => std::future::pending().await,
                Mode::CutBeforeCommit if is_from_client && contains(b"COMMIT\0") => return,
                Mode::CutAfterCommit if is_from_client && contains(b"COMMIT\0") => {
                    server.write_all(&from_client[..count]).await.unwrap();
                    // The reply: the commit is done.
                    let _ = server.read(&mut from_server).await.unwrap();
                    return;
                }
                Mode::CutBeforeSelect if is_from_client && contains(b"FOR UPDATE\0") => {
                    self.set(Mode::Relay);
                    return;
                }
                Mode::Relay | Mode::CutBeforeCommit | Mode::CutAfterCommit | Mode::CutBeforeSelect => {}
            }
            let written = if is_from_client {
                server.write_all(&from_client[..count]).await
            } else {
                client.write_all(&from_server[..count]).await
            };
            if written.is_err() {
                return;
            }
        }
    }
}
