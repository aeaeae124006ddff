//! A merchant whose private key is stored elsewhere: in a KMS, an HSM or, as here, another process on this machine.
//!
//! ```text
//! cargo run -p wxpay-hyper --example kms_signer -- serve apiclient_key.pem 127.0.0.1:8099 &
//! . ./sim.env && KMS_ADDRESS=127.0.0.1:8099 cargo run -p wxpay-hyper --example kms_signer
//! ```
//!
//! The first command holds the key and signs each message it receives. The second places an order without access to
//! the key, and prints the link for the QR code; [`place_order`] lists its settings. If the signer does not respond in
//! time, the order fails with [`Fate::NotSent`](wxpay_proto::Fate::NotSent): nothing was signed, so nothing was sent.
//!
//! | message | content |
//! |---|---|
//! | request | one byte, `s` to sign or `o` to open; the length in four bytes, big-endian; the bytes |
//! | response | the length likewise, and the signature or the plaintext; a closed connection is a refusal |
//!
//! Anyone who reaches the port can have anything signed. A real signer authenticates its clients.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example: it prints, and reads the environment and the clock as a program may"
)]

use std::{
    env,
    error::Error,
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::Client;
use wxpay_proto::{
    Fen,
    crypto::{CryptoProvider as _, InvalidSignature, PrivateKey, Unavailable, pem},
    id::OutTradeNo,
    secret::Secret,
    v3::{
        ApiV3Key, Merchant,
        pay::{NativeOrder, Order},
    },
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", file, address] => {
            let key = AwsLc.private_key(&pem::private_key(&fs::read(file)?)?)?;
            serve(&TcpListener::bind(address)?, &key);
        }
        [] => println!("{}", place_order(|name| env::var(name).ok()).await?),
        _ => return Err("usage: kms_signer [serve KEY_FILE ADDRESS]".into()),
    }
    Ok(())
}

/// A private key that sends each operation to the signer.
#[derive(Debug)]
pub(crate) struct Kms {
    address: SocketAddr,
    timeout: Duration,
}

impl PrivateKey for Kms {
    /// Each operation waits for the signer, up to the timeout. The client therefore runs the steps of this merchant on
    /// threads that may wait, and delays no other task.
    fn may_block(&self) -> bool {
        true
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        self.request(b's', message).map_err(|_| Unavailable)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        self.request(b'o', sealed).map(Secret::new).map_err(|_| InvalidSignature)
    }
}

impl Kms {
    /// Returns the key at this address. The timeout covers connecting, sending and receiving together.
    pub(crate) fn new(address: SocketAddr, timeout: Duration) -> Self {
        Self { address, timeout }
    }

    fn request(&self, operation: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut connection = Connection::to(self.address, self.timeout)?;
        connection.write(&[&[operation], &framed(bytes)?[..]].concat())?;
        connection.read_frame()
    }
}

/// Places one order. `setting` returns the value of an environment variable: `KMS_ADDRESS`, `WXPAY_BASE_URL`,
/// `WXPAY_MCHID`, `WXPAY_APPID`, `WXPAY_SERIAL_NO`, `WXPAY_API_V3_KEY`, `WXPAY_PUBLIC_KEY_ID`, and
/// `WXPAY_PUBLIC_KEY_FILE`, a PEM file.
///
/// # Errors
///
/// If a setting is missing or invalid, or the order is not placed.
pub(crate) async fn place_order(setting: impl Fn(&str) -> Option<String>) -> Result<String, Box<dyn Error>> {
    let required = |name: &str| setting(name).ok_or_else(|| format!("{name} is required"));
    let kms = Kms::new(required("KMS_ADDRESS")?.parse()?, Duration::from_secs(1));
    let platform_key = AwsLc.public_key(&pem::public_key(&fs::read(required("WXPAY_PUBLIC_KEY_FILE")?)?)?)?;
    let merchant = Merchant::builder(
        Arc::new(AwsLc),
        required("WXPAY_MCHID")?.parse()?,
        required("WXPAY_SERIAL_NO")?.parse()?,
        Arc::new(kms),
        &ApiV3Key::new(required("WXPAY_API_V3_KEY")?)?,
    )
    .public_key(required("WXPAY_PUBLIC_KEY_ID")?.parse()?, platform_key)
    .base_url(&required("WXPAY_BASE_URL")?)?
    .build();

    let number: OutTradeNo = format!("kms{}", std::process::id().saturating_add(100_000)).parse()?;
    let notify_url = "https://shop.example/notify".parse()?;
    let order = Order::new(number, Fen::new(1), "千足金箍棒")?
        .appid(required("WXPAY_APPID")?.parse()?)
        .notify_url(notify_url);
    Ok(Client::builder().build()?.run(merchant.call(NativeOrder::new(order))).await?)
}

/// Runs the signer: handles every connection, each in a thread of its own, until the process ends.
pub(crate) fn serve(listener: &TcpListener, key: &Arc<dyn PrivateKey>) {
    for stream in listener.incoming().flatten() {
        let key = Arc::clone(key);
        // The timeout closes a connection that sends no request. An error closes it too, which is the refusal.
        thread::spawn(move || handle(Connection::over(stream, Duration::from_secs(10)), &*key));
    }
}

fn handle(mut connection: Connection, key: &dyn PrivateKey) -> io::Result<()> {
    let mut operation = [0];
    connection.read(&mut operation)?;
    let bytes = connection.read_frame()?;
    match operation {
        [b's'] => connection.write(&framed(&key.sign(&bytes).map_err(io::Error::other)?)?),
        [b'o'] => connection.write(&framed(key.open(&bytes).map_err(io::Error::other)?.expose())?),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A connection with one deadline for the whole exchange.
struct Connection {
    stream: TcpStream,
    began: Instant,
    timeout: Duration,
}

impl Connection {
    /// The maximum length of a request or a response, in bytes: enough for the body of an API call.
    const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

    fn to(address: SocketAddr, timeout: Duration) -> io::Result<Self> {
        let began = Instant::now();
        let stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, began, timeout })
    }

    fn over(stream: TcpStream, timeout: Duration) -> Self {
        Self { stream, began: Instant::now(), timeout }
    }

    fn remaining(&self) -> io::Result<Duration> {
        let remaining = self.timeout.saturating_sub(self.began.elapsed());
        if remaining.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(remaining) }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write_all(bytes)
    }

    fn read(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            self.stream.set_read_timeout(Some(self.remaining()?))?;
            let count = self.stream.read(buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = buffer.split_at_mut(count).1;
        }
        Ok(())
    }

    fn read_frame(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.read(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > Self::MAX_FRAME_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; length];
        self.read(&mut bytes)?;
        Ok(bytes)
    }
}

fn framed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    Ok([&length.to_be_bytes(), bytes].concat())
}
