//! The task that accepts connections, and closes the listener while connections are to be refused.

use super::{
    READ_TIMEOUT, Shared,
    connection::{CloseMode, Connection},
    handle::handle,
};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

pub(super) async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    mut outages: mpsc::UnboundedReceiver<Duration>,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    // Dropping this task drops the set, which aborts the connections.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(delay) = outages.recv() => {
                drop(listener);
                tokio::time::sleep(delay).await;
                listener = rebind(address).await;
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            // Most likely out of file descriptors: wait until other connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        stream.set_nodelay(true).ok();
        let (connection, close_mode) = Connection::new(stream);
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve_connection(connection, close_mode, shared).await,
                Some(tls) => {
                    // A failed or slow handshake ends the connection, such as that of a client that does not trust
                    // the CA.
                    if let Ok(Ok(stream)) = timeout(READ_TIMEOUT, tls.accept(connection)).await {
                        serve_connection(stream, close_mode, shared).await;
                    }
                }
            }
        });
    }
}

/// Binds the address again, and retries while another process holds it.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    close_mode: CloseMode,
    shared: Arc<Shared>,
) {
    let service = service_fn(move |request| handle(Arc::clone(&shared), close_mode.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // An error is a peer that disconnected or an injected fault. Neither concerns the server.
    connection.await.ok();
}
