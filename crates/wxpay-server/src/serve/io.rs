//! A stream that fails writes which the peer does not read, and that closes without losing the last response.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// Bytes that a peer must read within the write timeout, once it has let a write wait. Fewer would let a client read a
/// byte at a time and hold the connection for as long as it likes.
const MIN_PROGRESS: usize = 16 * 1024;
/// Time for the peer to close its side after the server has closed.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);
/// Limit of the bytes that are read and discarded after the server has closed.
const MAX_DISCARDED: usize = 256 * 1024;

/// A stream with a deadline for writing.
///
/// It fails with [`io::ErrorKind::TimedOut`] if the peer lets writes wait for longer than the timeout.
pub(super) struct GuardedIo<S> {
    stream: S,
    write_timeout: Duration,
    /// The deadline of the writes, from the first that had to wait until all are written.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Bytes written since `stalled` was set.
    progress: usize,
    closing: Closing,
}

/// The state of closing.
enum Closing {
    Open,
    /// The server has closed its side and discards what still arrives. If the socket were dropped with unread bytes,
    /// the kernel would reset the connection, and the client could lose the last response.
    Lingering {
        until: Pin<Box<Sleep>>,
        discarded: usize,
    },
}

impl<S> GuardedIo<S> {
    pub(super) fn new(stream: S, write_timeout: Duration) -> Self {
        Self { stream, write_timeout, stalled: None, progress: 0, closing: Closing::Open }
    }

    /// Applies the write deadline to the result of a write.
    fn guard(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.progress = self.progress.saturating_add(bytes);
                if self.progress >= MIN_PROGRESS {
                    self.stalled = None;
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(cause)) => Poll::Ready(Err(cause)),
            Poll::Pending => {
                if self.stalled.is_none() {
                    self.progress = 0;
                }
                let timeout = self.write_timeout;
                let deadline = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
                ready!(deadline.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client does not read its responses",
                )))
            }
        }
    }
}

impl<S> fmt::Debug for GuardedIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedIo").field("progress", &self.progress).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for GuardedIo<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.guard(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.guard(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Flushes. The caller flushes when it has written all it has, so the deadline ends here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.stalled = None;
        Poll::Ready(Ok(()))
    }

    /// Closes the writing side, then discards what the peer still sends until it closes too, within limits.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.closing {
                Closing::Open => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.closing =
                        Closing::Lingering { until: Box::pin(sleep(LINGER_TIMEOUT)), discarded: 0 };
                }
                Closing::Lingering { until, discarded } => {
                    if until.as_mut().poll(cx).is_ready() || *discarded >= MAX_DISCARDED {
                        return Poll::Ready(Ok(()));
                    }
                    let mut chunk = [0; 4096];
                    let mut buf = ReadBuf::new(&mut chunk);
                    // A connection that fails while it is being closed is closed.
                    if ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)).is_err()
                        || buf.filled().is_empty()
                    {
                        return Poll::Ready(Ok(()));
                    }
                    *discarded = discarded.saturating_add(buf.filled().len());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        time::{Instant, timeout},
    };

    const TIMEOUT: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn a_write_that_is_never_read_fails_at_its_deadline() {
        let (near, _far) = duplex(1024);
        let mut io = GuardedIo::new(near, TIMEOUT);
        let started = Instant::now();
        let failed = io.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 15);
    }

    #[tokio::test(start_paused = true)]
    async fn reading_a_byte_at_a_time_does_not_extend_the_deadline() {
        let (near, mut far) = duplex(1024);
        let reader = tokio::spawn(async move {
            while far.read_u8().await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        });
        let mut io = GuardedIo::new(near, TIMEOUT);
        let failed = timeout(Duration::from_secs(20), io.write_all(&[0; 4096])).await.unwrap();
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(io);
        reader.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_but_steady_reader_and_a_quiet_stream_are_not_cut() {
        let (near, mut far) = duplex(1024);
        let reader = tokio::spawn(async move {
            let (mut chunk, mut received) = (vec![0; 1024], 0_usize);
            loop {
                sleep(Duration::from_millis(500)).await;
                match far.read(&mut chunk).await.unwrap() {
                    0 => return received,
                    bytes => received += bytes,
                }
            }
        });
        let mut io = GuardedIo::new(near, TIMEOUT);
        // 256 KiB at 2 KiB/s take two minutes.
        io.write_all(&vec![0; 256 * 1024]).await.unwrap();
        io.flush().await.unwrap();
        sleep(Duration::from_mins(1)).await;
        io.write_all(&[0; 2048]).await.unwrap();
        io.shutdown().await.unwrap();
        assert_eq!(reader.await.unwrap(), 258 * 1024);
    }

    #[tokio::test(start_paused = true)]
    async fn closing_discards_what_arrives_but_not_for_ever() {
        let (near, mut far) = duplex(1024);
        let writer = tokio::spawn(async move {
            let sent = far.write_all(&[0; 8192]).await;
            (sent, far)
        });
        let mut io = GuardedIo::new(near, TIMEOUT);
        let started = Instant::now();
        io.shutdown().await.unwrap();
        let written = timeout(Duration::from_secs(5), writer).await.expect("all must be discarded");
        let (sent, far) = written.unwrap();
        sent.unwrap();
        assert_eq!(started.elapsed(), LINGER_TIMEOUT);
        drop(far);
    }
}
