//! Downloads of bills: streamed in constant memory, and accepted only if complete and authentic.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::print_stdout,
    reason = "a test"
)]

mod common;

use common::{
    peer, read_request,
    v3::{API_V3_KEY, MCHID, PUBLIC_KEY_ID, Platform, merchant},
};
use flate2::{Compress, Compression, Crc, FlushCompress, Status, write::GzEncoder};
use sha1::{Digest as _, Sha1};
use std::{
    env,
    error::Error as _,
    fmt::Write as _,
    io::{self, Write as _},
    net::SocketAddr,
    pin::Pin,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::{Builder, Client, DownloadError};
use wxpay_proto::{
    ErrorKind,
    crypto::CryptoProvider as _,
    retry,
    v3::{
        Merchant,
        bill::{BillReply, TradeBill},
    },
};

/// A part of the reply that the gateway sends for a file.
#[derive(Clone)]
enum Part {
    Bytes(Arc<[u8]>),
    Repeat(Arc<[u8]>, usize),
    Pause(Duration),
    Close,
}

/// The head of a reply.
fn reply(status: &str, length: usize) -> Part {
    text(&format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/octet-stream\r\ncontent-length: {length}\r\n\r\n"
    ))
}

fn text(text: &str) -> Part {
    Part::Bytes(text.as_bytes().into())
}

fn bytes(bytes: &[u8]) -> Part {
    Part::Bytes(bytes.into())
}

/// A complete reply in pieces of 1000 bytes.
fn good(file: &[u8]) -> Vec<Part> {
    let mut parts = vec![reply("200 OK", file.len())];
    parts.extend(file.chunks(1000).map(bytes));
    parts
}

async fn send(stream: &mut TcpStream, parts: &[Part]) -> io::Result<()> {
    for part in parts {
        match part {
            Part::Bytes(bytes) => stream.write_all(bytes).await?,
            Part::Repeat(bytes, times) => {
                for _ in 0..*times {
                    stream.write_all(bytes).await?;
                }
            }
            Part::Pause(pause) => sleep(*pause).await,
            Part::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
    Ok(())
}

/// A gateway with one bill of this digest.
async fn gateway(sha1: String, parts: Vec<Part>) -> SocketAddr {
    // The address is known only after the peer is started.
    let address = Arc::new(std::sync::OnceLock::<SocketAddr>::new());
    let known_address = Arc::clone(&address);
    let peer = peer(move |mut stream| {
        let (sha1, parts, address) = (sha1.clone(), parts.clone(), Arc::clone(&known_address));
        async move {
            loop {
                let request = read_request(&mut stream).await;
                let sent = if request.starts_with("GET /v3/bill/tradebill?") {
                    let body = format!(
                        r#"{{"hash_type":"SHA1","hash_value":"{sha1}","download_url":"http://{}/v3/billdownload/file?token=x"}}"#,
                        address.get().unwrap()
                    );
                    let reply = Platform::with_public_key().reply("200 OK", &body);
                    stream.write_all(reply.as_bytes()).await
                } else if request.starts_with("GET /v3/billdownload/file?token=x HTTP/1.1\r\n") {
                    assert!(request.contains("authorization: WECHATPAY2-SHA256-RSA2048 "), "{request}");
                    send(&mut stream, &parts).await
                } else {
                    return;
                };
                if sent.is_err() {
                    return;
                }
            }
        }
    })
    .await;
    address.set(peer).unwrap();
    peer
}

fn merchant_at(gateway: SocketAddr, spki: &[u8], timeout: Duration) -> Merchant {
    let mut policy = retry::Policy::default();
    policy.max_attempts = 1;
    policy.timeout = timeout;
    merchant(MCHID, API_V3_KEY, &format!("http://{gateway}"))
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), AwsLc.public_key(spki).unwrap())
        .retry(policy)
        .build()
}

/// Requests the bill and downloads it.
async fn fetch(
    client: &Client,
    merchant: &Merchant,
    is_gzip: bool,
    writer: impl AsyncWrite,
) -> Result<u64, DownloadError> {
    let bill = TradeBill::of("2026-11-23".parse().unwrap());
    let bill = if is_gzip { bill.gzip() } else { bill };
    let BillReply::Ready(bill_file) = client.run(merchant.call(bill)).await.unwrap() else { panic!() };
    let download = client.run(merchant.prepare_download(&bill_file)).await.unwrap();
    client.download(download, writer).await
}

async fn fetch_from(
    client: &Client,
    gateway: SocketAddr,
    is_gzip: bool,
    writer: impl AsyncWrite,
) -> Result<u64, DownloadError> {
    let merchant = merchant_at(gateway, &Platform::with_public_key().spki, Duration::from_secs(1));
    fetch(client, &merchant, is_gzip, writer).await
}

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// A writer that records the bytes and whether it was shut down.
#[derive(Debug, Default)]
struct RecordingWriter {
    bytes: Vec<u8>,
    closed: bool,
}

impl AsyncWrite for RecordingWriter {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        assert!(!self.closed);
        self.bytes.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.closed = true;
        Poll::Ready(Ok(()))
    }
}

fn sha1(file: &[u8]) -> String {
    hex::encode(Sha1::digest(file))
}

fn zipped(file: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(file).unwrap();
    gzip.finish().unwrap()
}

/// Returns the rows of a bill, all different.
fn rows(count: u32) -> Vec<u8> {
    let mut rows = String::from("\u{feff}交易时间,商户号,商户订单号,订单金额\r\n");
    for row in 0..count {
        let hash = row.wrapping_mul(2_654_435_761);
        write!(
            rows,
            "`2026-11-23 10:34:56,`1900000109,`ORDER-{hash:08x},`{}.{:02}\r\n",
            row % 977,
            row % 100
        )
        .unwrap();
    }
    rows.into_bytes()
}

#[tokio::test]
async fn bill_is_downloaded_plain_and_gzipped() {
    let file = rows(20_000);
    let (first, second) = file.split_at(777_777);
    let members = [zipped(first), zipped(b""), zipped(second)].concat();
    for (is_gzip, sent) in [(false, file.clone()), (true, zipped(&file)), (true, members)] {
        let gateway = gateway(sha1(&file).to_uppercase(), good(&sent)).await;
        let mut recording = RecordingWriter::default();
        let bytes = fetch_from(&client(), gateway, is_gzip, &mut recording).await.unwrap();
        assert_eq!(bytes, file.len() as u64);
        assert!(recording.closed);
        assert!(recording.bytes == file);
    }
}

#[tokio::test]
async fn empty_bill_is_downloaded() {
    for (is_gzip, sent) in [(false, Vec::new()), (true, zipped(b""))] {
        let gateway = gateway(sha1(b""), good(&sent)).await;
        assert_eq!(
            fetch_from(&client(), gateway, is_gzip, &mut RecordingWriter::default()).await.unwrap(),
            0
        );
    }
}

/// Downloads with an expected failure and returns its kind and cause. The writer must not be shut down.
async fn failure(builder: Builder, gateway: SocketAddr, is_gzip: bool) -> (ErrorKind, String) {
    let mut recording = RecordingWriter::default();
    let error = fetch_from(&builder.build().unwrap(), gateway, is_gzip, &mut recording).await.unwrap_err();
    assert!(!recording.closed);
    assert!(error.to_string().contains("discard everything that was written"));
    let DownloadError::File(error) = error else { panic!("{error:?}") };
    (error.kind(), error.source().map(ToString::to_string).unwrap_or_default())
}

#[tokio::test]
async fn file_with_another_digest_or_invalid_gzip_is_rejected() {
    let file = rows(2000);
    let mut changed = file.clone();
    changed[file.len() - 3] ^= 1;
    let zip = zipped(&file);
    let mut bad_crc = zip.clone();
    let crc_at = zip.len() - 8;
    bad_crc[crc_at] ^= 1;
    let (wrong_digest, transport) = (
        (
            ErrorKind::Signature,
            "the digest of the file is not the one that WeChat Pay signed: it is incomplete or modified",
        ),
        ErrorKind::Transport,
    );
    let not_gzip = (transport, "the file is not valid gzip or is truncated");
    for (is_gzip, sent, (kind, cause)) in [
        (false, changed.clone(), wrong_digest),
        (false, file[1..].to_vec(), wrong_digest),
        (false, [&file[..], b"\n"].concat(), wrong_digest),
        (false, Vec::new(), wrong_digest),
        (false, zip.clone(), wrong_digest),
        (true, zipped(&changed), wrong_digest),
        (true, [zip.clone(), zipped(b"\n")].concat(), wrong_digest),
        (true, file.clone(), not_gzip),
        (true, Vec::new(), not_gzip),
        (true, bad_crc, not_gzip),
        (true, zip[..zip.len() - 1].to_vec(), not_gzip),
        (true, zip[..zip.len() / 2].to_vec(), not_gzip),
        (true, [&zip[..], b"\0"].concat(), not_gzip),
        (true, [&zip[..], b"trailing garbage"].concat(), not_gzip),
        (true, [&zip[..], &zip[..9]].concat(), not_gzip),
    ] {
        let gateway = gateway(sha1(&file), good(&sent)).await;
        let failed = failure(Client::builder(), gateway, is_gzip).await;
        assert_eq!(failed, (kind, cause.to_owned()), "{} of {} bytes", sent.len(), file.len());
    }
}

#[tokio::test]
async fn truncated_file_is_rejected() {
    let file = rows(2000);
    let open_end = text("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    for (head, sent, kind, cause) in [
        (
            reply("200 OK", file.len()),
            &file[..1000],
            ErrorKind::Transport,
            "the connection failed: unexpected end of file",
        ),
        // Without a length, the end of the connection is the end of the file: only the digest detects the truncation.
        (
            open_end,
            &file[..1000],
            ErrorKind::Signature,
            "the digest of the file is not the one that WeChat Pay signed: it is incomplete or modified",
        ),
        (reply("200 OK", file.len() + 1), &file[..], ErrorKind::Transport, "no data for 1000 ms"),
    ] {
        let last = if sent.len() == 1000 { Part::Close } else { Part::Pause(Duration::from_secs(3)) };
        let gateway = gateway(sha1(&file), vec![head, bytes(sent), last]).await;
        assert_eq!(failure(Client::builder(), gateway, false).await, (kind, cause.to_owned()));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let visits = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&visits);
    let other_server = peer(move |_| {
        counting.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let head =
            format!("HTTP/1.1 {status}\r\nlocation: http://{other_server}/\r\ncontent-length: 0\r\n\r\n");
        let gateway = gateway(sha1(b""), vec![text(&head)]).await;
        assert_eq!(failure(Client::builder(), gateway, false).await.0, ErrorKind::Signature, "{status}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn refusal_has_the_code_of_wechat_pay() {
    let body = r#"{"code":"INVALID_REQUEST","message":"token expired"}"#;
    let gateway = gateway(sha1(b""), vec![reply("400 Bad Request", body.len()), text(body)]).await;
    let mut recording = RecordingWriter::default();
    let error = fetch_from(&client(), gateway, false, &mut recording).await.unwrap_err();
    let DownloadError::File(error) = error else { panic!("{error:?}") };
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status, refusal.code.as_str()), (400, "INVALID_REQUEST"));
    assert!(recording.bytes.is_empty());
}

#[tokio::test]
async fn timeouts_and_size_limit_end_the_download() {
    let file = rows(2000);
    let silent = vec![Part::Pause(Duration::from_secs(3))];
    let slow: Vec<Part> = [reply("200 OK", 1000)]
        .into_iter()
        .chain((0..1000).flat_map(|_| [text("x"), Part::Pause(Duration::from_millis(50))]))
        .collect();
    // A zip bomb: a megabyte of zeros per kilobyte.
    let bomb = zipped(&vec![0; 1 << 24]);
    let quick = || Client::builder().download_timeout(Duration::from_millis(800));
    let small = || Client::builder().download_limit(1 << 20);
    for (parts, builder, is_gzip, cause) in [
        (silent, Client::builder(), false, "no data for 1000 ms"),
        (slow, quick(), false, "the download was not complete within 800 ms"),
        (good(&bomb), small(), true, "the file is longer than 1048576 bytes"),
        (good(&file), Client::builder().download_limit(1000), false, "the file is longer than 1000 bytes"),
    ] {
        let gateway = gateway(sha1(&file), parts).await;
        let began = Instant::now();
        assert_eq!(failure(builder, gateway, is_gzip).await, (ErrorKind::Transport, cause.to_owned()));
        assert!(began.elapsed() < Duration::from_millis(2900), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn failing_writer_returns_a_writer_error() {
    struct Full;
    impl AsyncWrite for Full {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::StorageFull.into()))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let file = rows(10);
    let gateway = gateway(sha1(&file), good(&file)).await;
    let error = fetch_from(&client(), gateway, false, Full).await.unwrap_err();
    assert!(matches!(error, DownloadError::Writer(error) if error.kind() == io::ErrorKind::StorageFull));
}

/// The maximum memory of a process that runs the client: 32 MiB, in KiB.
#[cfg(target_os = "linux")]
const MAX_MEMORY_KIB: u64 = 32 * 1024;

/// Downloads a bill of 1 GiB, in 2^14 blocks, plain and zipped, in a process that only runs the client.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bill_of_one_gibibyte_is_downloaded_in_less_than_32_mebibytes_of_memory() {
    const DOUBLINGS: u32 = 14;
    let mut block = rows(1200);
    block.truncate(1 << 16);
    assert_eq!(block.len(), 1 << 16);
    let (times, size) = (1 << DOUBLINGS, block.len() << DOUBLINGS);
    let mut digest = Sha1::new();
    for _ in 0..times {
        digest.update(&block);
    }
    let sha1 = hex::encode(digest.finalize());

    let plain = vec![reply("200 OK", size), Part::Repeat(block.clone().into(), times)];
    let (deflated, tail) = (deflated(&block), tail(&block, times));
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let length = head.len() + deflated.len() * times + tail.len();
    let zipped =
        vec![reply("200 OK", length), bytes(&head), Part::Repeat(deflated.into(), times), bytes(&tail)];

    for (is_gzip, parts) in [(false, plain), (true, zipped)] {
        let gateway = gateway(sha1.clone(), parts).await;
        let peak =
            tokio::task::spawn_blocking(move || peak_of_a_client(gateway, is_gzip, size)).await.unwrap();
        println!("gzip: {is_gzip}, {} MiB took {} KiB", size >> 20, peak);
        assert!(peak < MAX_MEMORY_KIB, "{peak} KiB");
    }
}

/// Returns one block of deflate that references no earlier data and ends on a byte, so that it can be repeated.
#[cfg(target_os = "linux")]
fn deflated(block: &[u8]) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(2 * block.len());
    let mut deflate = Compress::new(Compression::fast(), false);
    let status = deflate.compress_vec(block, &mut deflated, FlushCompress::Full).unwrap();
    assert_eq!((status, deflate.total_in()), (Status::Ok, block.len() as u64));
    deflated
}

/// Returns the end of the gzip member: an empty last block, the checksum and the length.
#[cfg(target_os = "linux")]
fn tail(block: &[u8], times: usize) -> Vec<u8> {
    let mut crc = Crc::new();
    for _ in 0..times {
        crc.update(block);
    }
    [&[3, 0][..], &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes()].concat()
}

/// Runs [`download_in_a_child_process`] in a child process and returns its peak memory in KiB.
#[cfg(target_os = "linux")]
fn peak_of_a_client(gateway: SocketAddr, is_gzip: bool, size: usize) -> u64 {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "download_in_a_child_process", "--ignored", "--nocapture"])
        .env("WXPAY_TEST_GATEWAY", gateway.to_string())
        .env("WXPAY_TEST_GZIP", is_gzip.to_string())
        .env("WXPAY_TEST_SPKI", hex::encode(Platform::with_public_key().spki))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{stdout}{}", String::from_utf8_lossy(&child.stderr));
    assert!(stdout.contains(&format!("downloaded {size} bytes")), "{stdout}");
    let peak =
        stdout.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok());
    peak.unwrap_or_else(|| panic!("{stdout}"))
}

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "run in a child process by the test of the memory"]
async fn download_in_a_child_process() {
    let Ok(gateway) = env::var("WXPAY_TEST_GATEWAY") else { return };
    let spki = hex::decode(env::var("WXPAY_TEST_SPKI").unwrap()).unwrap();
    let merchant = merchant_at(gateway.parse().unwrap(), &spki, Duration::from_secs(30));
    let is_gzip = env::var("WXPAY_TEST_GZIP").unwrap() == "true";
    let bytes = fetch(&client(), &merchant, is_gzip, tokio::io::sink()).await.unwrap();
    println!("\ndownloaded {bytes} bytes");
    println!("{}", std::fs::read_to_string("/proc/self/status").unwrap());
}
