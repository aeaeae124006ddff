//! Downloads as streams: unzipped in constant memory and verified by their digest.

use crate::{
    ambient,
    client::Client,
    send::{LostCause, classify},
};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::capture_connection;
use std::{
    error, fmt,
    io::{self, Write as _},
    pin::{Pin, pin},
    time::Duration,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use wxpay_proto::{
    Error,
    exchange::Failure,
    http::Response,
    v3::download::{DigestCheck, Download},
};

/// The maximum length of a refusal's body, in bytes.
const MAX_REFUSAL_BYTES: usize = 64 * 1024;

impl Client {
    /// Streams a file to a writer, unzipped, and returns its length in bytes. **It returns `Ok` only if the file has
    /// the digest that WeChat Pay signed.** After an error, discard everything that was written.
    ///
    /// The memory needed does not depend on the size of the file. Once the digest is verified, the writer is flushed
    /// and shut down; after an error it is neither. Redirects are not followed.
    ///
    /// Three limits apply: the timeout of `download.transmit` to each wait for data, and
    /// [`download_timeout`](crate::Builder::download_timeout) and [`download_limit`](crate::Builder::download_limit)
    /// to the whole file.
    ///
    /// ```no_run
    /// # use wxpay_proto::v3::{Merchant, bill::{BillReply, TradeBill}};
    /// # async fn fetch(client: wxpay_hyper::Client, merchant: Merchant) -> Result<(), Box<dyn std::error::Error>> {
    /// let day = "2026-11-23".parse()?;
    /// if let BillReply::Ready(bill_file) = client.run(merchant.call(TradeBill::of(day).gzip())).await? {
    ///     let download = client.run(merchant.prepare_download(&bill_file)).await?;
    ///     let mut bill = std::io::Cursor::new(Vec::new()); // or a file: tokio::fs::File
    ///     client.download(download, &mut bill).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If WeChat Pay refuses the download or stops sending, or if the writer fails. Also if the file is truncated, is
    /// not valid gzip, exceeds a limit or has another digest. A download changes nothing, so it is safe to retry:
    /// request the bill again, because its URL expires.
    pub async fn download(&self, download: Download, writer: impl AsyncWrite) -> Result<u64, DownloadError> {
        let (label, began, download_timeout) =
            (download.transmit.label, ambient::monotonic_now(), self.limits().timeout);
        let streamed = timeout(download_timeout, self.stream(download, pin!(writer))).await;
        let streamed =
            streamed.unwrap_or_else(|_| Err(failed(DownloadFailure::Timeout { timeout: download_timeout })));
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &streamed {
            Ok(bytes) => tracing::debug!(label, bytes, millis, "download complete"),
            Err(error) => {
                let cause = error::Error::source(error).map(tracing::field::display);
                tracing::warn!(label, millis, cause, "download failed");
            }
        }
        streamed
    }

    async fn stream<W: AsyncWrite>(
        &self,
        download: Download,
        writer: Pin<&mut W>,
    ) -> Result<u64, DownloadError> {
        let Download { transmit, digest_check, is_gzip, .. } = download;
        let mut request =
            self.http_request(transmit.request).map_err(|cause| transport_error(Failure::NotSent(cause)))?;
        let connection = capture_connection(&mut request);
        let idle_timeout = transmit.timeout;
        let max_bytes = self.limits().max_bytes;
        let streaming = async {
            let reply = with_timeout(idle_timeout, self.http_client().request(request)).await?;
            let (head, body) = reply.map_err(|error| transport_error(classify(error)))?.into_parts();
            if head.status != StatusCode::OK {
                return Err(refused(head, body, idle_timeout).await);
            }
            let mut sink = Sink { writer, digest_check, written: 0, max_bytes };
            copy_body(body, idle_timeout, is_gzip, &mut sink).await?;
            sink.finish().await
        };
        let streamed = streaming.await;
        if streamed.is_err()
            && let Some(connected) = connection.connection_metadata().as_ref()
        {
            // The rest of the reply may still arrive on the connection: it must not be reused.
            connected.poison();
        }
        streamed
    }
}

/// Awaits the next data from the server, with a timeout.
async fn with_timeout<T>(idle_timeout: Duration, step: impl Future<Output = T>) -> Result<T, DownloadError> {
    timeout(idle_timeout, step)
        .await
        .map_err(|_| failed(DownloadFailure::IdleTimeout { timeout: idle_timeout }))
}

/// Returns the error of a refused download.
async fn refused(head: http::response::Parts, body: Incoming, idle_timeout: Duration) -> DownloadError {
    let body = match timeout(idle_timeout, Limited::new(body, MAX_REFUSAL_BYTES).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        // The status alone identifies the refusal.
        Ok(Err(_)) | Err(_) => Bytes::new(),
    };
    let reply = Response::from(http::Response::from_parts(head, body.into()));
    DownloadError::File(Download::reply_error(&reply))
}

async fn copy_body<W: AsyncWrite>(
    mut body: Incoming,
    idle_timeout: Duration,
    is_gzip: bool,
    sink: &mut Sink<'_, W>,
) -> Result<(), DownloadError> {
    let mut gunzip = is_gzip.then(Gunzip::new);
    while let Some(frame) = with_timeout(idle_timeout, body.frame()).await? {
        let frame =
            frame.map_err(|cause| transport_error(Failure::Lost(LostCause::from_error(&cause).into())))?;
        let Ok(chunk) = frame.into_data() else { continue };
        match &mut gunzip {
            Some(gunzip) => gunzip.write(&chunk, sink).await?,
            None => sink.write(&chunk).await?,
        }
    }
    match gunzip {
        Some(gunzip) => gunzip.finish(sink).await,
        None => Ok(()),
    }
}

/// A gzip decoder. Each write to it produces a bounded amount of output, whatever the compression ratio. A file may
/// consist of several gzip members; any other data after the last one is rejected.
struct Gunzip(MultiGzDecoder<Vec<u8>>);

impl Gunzip {
    fn new() -> Self {
        Self(MultiGzDecoder::new(Vec::new()))
    }

    async fn write<W: AsyncWrite>(
        &mut self,
        mut chunk: &[u8],
        sink: &mut Sink<'_, W>,
    ) -> Result<(), DownloadError> {
        while !chunk.is_empty() {
            let consumed = self.0.write(chunk).map_err(|_| failed(DownloadFailure::NotGzip))?;
            // A write that consumes nothing would make this loop endless.
            chunk = chunk
                .get(consumed..)
                .filter(|_| consumed > 0)
                .ok_or_else(|| failed(DownloadFailure::NotGzip))?;
            sink.write(self.0.get_ref()).await?;
            self.0.get_mut().clear();
        }
        Ok(())
    }

    async fn finish<W: AsyncWrite>(self, sink: &mut Sink<'_, W>) -> Result<(), DownloadError> {
        let rest = self.0.finish().map_err(|_| failed(DownloadFailure::NotGzip))?;
        sink.write(&rest).await
    }
}

/// The writer, the digest so far, and the number of bytes written.
struct Sink<'w, W> {
    writer: Pin<&'w mut W>,
    digest_check: DigestCheck,
    written: u64,
    max_bytes: u64,
}

impl<W: AsyncWrite> Sink<'_, W> {
    async fn write(&mut self, chunk: &[u8]) -> Result<(), DownloadError> {
        let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.written = self.written.saturating_add(length);
        if self.written > self.max_bytes {
            return Err(failed(DownloadFailure::TooLong { max_bytes: self.max_bytes }));
        }
        self.digest_check.update(chunk);
        self.writer.write_all(chunk).await.map_err(DownloadError::Writer)
    }

    async fn finish(mut self) -> Result<u64, DownloadError> {
        self.digest_check.finish().map_err(|error| DownloadError::File(Download::digest_error(error)))?;
        self.writer.flush().await.map_err(DownloadError::Writer)?;
        self.writer.shutdown().await.map_err(DownloadError::Writer)?;
        Ok(self.written)
    }
}

/// The error of a download. **Discard everything that was written.**
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadError {
    /// The download was refused or truncated, or the file has another digest; see the inner error.
    File(Error),
    /// The writer failed.
    Writer(io::Error),
}

fn failed(failure: DownloadFailure) -> DownloadError {
    transport_error(Failure::Lost(failure.into()))
}

fn transport_error(failure: Failure) -> DownloadError {
    DownloadError::File(Download::transport_error(failure))
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the download failed: discard everything that was written")
    }
}

impl error::Error for DownloadError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Writer(error) => Some(error),
        }
    }
}

/// The cause of a failed download.
#[derive(Debug)]
enum DownloadFailure {
    IdleTimeout { timeout: Duration },
    Timeout { timeout: Duration },
    TooLong { max_bytes: u64 },
    NotGzip,
}

impl fmt::Display for DownloadFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdleTimeout { timeout } => write!(f, "no data for {} ms", timeout.as_millis()),
            Self::Timeout { timeout } => {
                write!(f, "the download was not complete within {} ms", timeout.as_millis())
            }
            Self::TooLong { max_bytes } => write!(f, "the file is longer than {max_bytes} bytes"),
            Self::NotGzip => f.write_str("the file is not valid gzip or is truncated"),
        }
    }
}

impl error::Error for DownloadFailure {}
