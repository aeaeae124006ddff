//! A merchant whose private key is kept elsewhere: in a KMS, an HSM or, as here, another process on this machine.
//!
//! ```text
//! cargo run -p wxpay-hyper --example kms_signer -- keep apiclient_key.pem 127.0.0.1:8099 &
//! . ./sim.env && KMS_ADDRESS=127.0.0.1:8099 cargo run -p wxpay-hyper --example kms_signer
//! ```
//!
//! The first command holds the key and signs what it receives. The second places an order without access to the key,
//! and prints the link for the QR code; [`place_order`] lists its settings. If the signer does not respond in time, the
//! order fails with [`Fate::NotSent`](wxpay_proto::Fate::NotSent): nothing was signed, so nothing was sent.
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
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
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
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["keep", file, address] => {
            let key = AwsLc.private_key(&pem::private_key(&fs::read(file)?)?)?;
            serve(&TcpListener::bind(address)?, &key);
        }
        [] => println!("{}", place_order(|name| env::var(name).ok()).await?),
        _ => return Err("usage: kms_signer [keep KEY_FILE ADDRESS]".into()),
    }
    Ok(())
}

/// A private key that sends each operation to the signer.
#[derive(Debug)]
pub(crate) struct Kms {
    address: SocketAddr,
    within: Duration,
}

impl PrivateKey for Kms {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        block_in_place_if_possible(|| self.request(b's', message)).map_err(|_| Unavailable)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        block_in_place_if_possible(|| self.request(b'o', sealed))
            .map(Secret::new)
            .map_err(|_| InvalidSignature)
    }
}

impl Kms {
    /// Returns the key at this address. The timeout covers connecting, sending and receiving together.
    pub(crate) fn new(address: SocketAddr, within: Duration) -> Self {
        Self { address, within }
    }

    fn request(&self, what: u8, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut line = Connection::to(self.address, self.within)?;
        line.write(&[&[what], &framed(bytes)?[..]].concat())?;
        line.read_frame()
    }
}

/// Runs a blocking call. A flow signs on the thread that runs it, which must not block the other tasks meanwhile.
fn block_in_place_if_possible<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => task::block_in_place(wait),
        _ => wait(),
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
    let needed = |name: &str| setting(name).ok_or_else(|| format!("{name} is required"));
    let kms = Kms::new(needed("KMS_ADDRESS")?.parse()?, Duration::from_secs(1));
    let theirs = AwsLc.public_key(&pem::public_key(&fs::read(needed("WXPAY_PUBLIC_KEY_FILE")?)?)?)?;
    let merchant = Merchant::builder(
        Arc::new(AwsLc),
        needed("WXPAY_MCHID")?.parse()?,
        needed("WXPAY_SERIAL_NO")?.parse()?,
        Arc::new(kms),
        &ApiV3Key::new(needed("WXPAY_API_V3_KEY")?)?,
    )
    .public_key(needed("WXPAY_PUBLIC_KEY_ID")?.parse()?, theirs)
    .base_url(&needed("WXPAY_BASE_URL")?)?
    .build();

    let number: OutTradeNo = format!("kms{}", std::process::id().saturating_add(100_000)).parse()?;
    let notify_url = "https://shop.example/notify".parse()?;
    let order =
        Order::builder(needed("WXPAY_APPID")?.parse()?, number, Fen::new(1), "千足金箍棒", notify_url);
    Ok(Client::builder().build()?.run(merchant.call(NativeOrder::new(order.build()?))).await?)
}

/// Runs the signer: answers every connection until the process ends.
pub(crate) fn serve(listener: &TcpListener, key: &Arc<dyn PrivateKey>) {
    for stream in listener.incoming().flatten() {
        let key = Arc::clone(key);
        // A connection without a request is closed after ten seconds. Closing it is also how a request is refused.
        thread::spawn(move || handle(Connection::over(stream, Duration::from_secs(10)), &*key));
    }
}

fn handle(mut line: Connection, key: &dyn PrivateKey) -> io::Result<()> {
    let mut what = [0];
    line.read(&mut what)?;
    let bytes = line.read_frame()?;
    match what {
        [b's'] => line.write(&framed(&key.sign(&bytes).map_err(io::Error::other)?)?),
        [b'o'] => line.write(&framed(key.open(&bytes).map_err(io::Error::other)?.expose())?),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A connection with one deadline for the whole exchange.
struct Connection {
    stream: TcpStream,
    began: Instant,
    within: Duration,
}

impl Connection {
    /// The maximum length of a message, in bytes: enough for the body of a request.
    const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

    fn to(address: SocketAddr, within: Duration) -> io::Result<Self> {
        let began = Instant::now();
        let stream = TcpStream::connect_timeout(&address, within)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, began, within })
    }

    fn over(stream: TcpStream, within: Duration) -> Self {
        Self { stream, began: Instant::now(), within }
    }

    fn left(&self) -> io::Result<Duration> {
        let left = self.within.saturating_sub(self.began.elapsed());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write_all(bytes)
    }

    fn read(&mut self, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            self.stream.set_read_timeout(Some(self.left()?))?;
            let count = self.stream.read(into)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            into = into.split_at_mut(count).1;
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
