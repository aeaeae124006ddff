//! A TCP connection that can end with a reset instead of a close, like that of a crashed peer.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// End of a connection: a close, or a reset if requested. Clones share the request.
#[derive(Clone, Debug, Default)]
pub(super) struct CloseMode(Arc<AtomicBool>);

impl CloseMode {
    pub(super) fn reset(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A TCP connection that is reset on drop if its [`CloseMode`] requests it.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    close_mode: CloseMode,
}

impl Connection {
    pub(super) fn new(stream: TcpStream) -> (Self, CloseMode) {
        let close_mode = CloseMode::default();
        (Self { stream, close_mode: close_mode.clone() }, close_mode)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.close_mode.0.load(Ordering::Relaxed) {
            // If this fails, the connection is closed instead: the peer gets no response either way.
            self.stream.set_zero_linger().ok();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
