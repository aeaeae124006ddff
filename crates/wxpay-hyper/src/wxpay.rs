//! One merchant of APIv3, ready to call.

mod builder;

pub use builder::WxPayBuilder;

#[cfg(feature = "aws-lc")]
use crate::setup::SetupError;
use crate::{client::Client, download::DownloadError};
use tokio::io::AsyncWrite;
use wxpay_proto::{
    Error,
    pending::{PendingOperation, Unresolved},
    v3::{
        BillFile, Endpoint, Lookup, Merchant, Resolver,
        pay::{ChargeOutcome, CodePayment},
    },
};

/// A merchant of APIv3 with a client: calls operations, resolves unknown outcomes, receives notifications.
///
/// Its set-up fails with [`SetupError`], and its calls with [`Error`]. A platform with many merchants shares one
/// [`Client`] among them, see [`new`](Self::new). APIv1 uses [`Client`] directly.
///
/// ```no_run
/// use wxpay_hyper::WxPay;
/// use wxpay_proto::{Fen, v3::pay::{NativeOrder, Order}};
///
/// # async fn sell() -> Result<(), Box<dyn std::error::Error>> {
/// let wxpay = WxPay::builder()
///     .mchid("1900000109")
///     .private_key_file("apiclient_key.pem")
///     .certificate_file("apiclient_cert.pem")
///     .api_v3_key(std::fs::read_to_string("api_v3_key.txt")?.trim())
///     .wechatpay_public_key_file("PUB_KEY_ID_0119000001092026112400181", "pub_key.pem")
///     .appid("wxd678efh567hg6787")
///     .notify_url("https://shop.example/notify/1900000109")
///     .build()?;
/// let order = Order::new("ORDER-0001".parse()?, Fen::new(1999), "千足金箍棒")?;
/// // In a task of its own, so that the outcome becomes known even if the visitor disconnects.
/// let placing = tokio::spawn(async move { wxpay.call(NativeOrder::new(order)).await });
/// println!("{}", placing.await??); // the link for the QR code
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct WxPay {
    client: Client,
    merchant: Merchant,
}

impl WxPay {
    /// Binds a merchant to a client. Use it for settings that [`WxPayBuilder`] does not have, such as a private key in
    /// a KMS, and for several merchants that share a client.
    pub fn new(client: Client, merchant: Merchant) -> Self {
        Self { client, merchant }
    }

    /// Creates a merchant from the environment variables that [`WxPayBuilder::variables`] lists.
    ///
    /// # Errors
    ///
    /// If a variable is missing or invalid. The error names all of them.
    #[cfg(feature = "aws-lc")]
    pub fn from_env() -> Result<Self, SetupError> {
        Self::builder().variables(crate::ambient::variable).build()
    }

    /// Returns a builder for settings in code and in files.
    #[cfg(feature = "aws-lc")]
    pub fn builder() -> WxPayBuilder {
        WxPayBuilder::new(std::sync::Arc::new(wxpay_aws_lc::AwsLc))
    }

    /// Returns the client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the merchant.
    pub fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    /// Calls an operation. An order without an app or a notification URL of its own uses the merchant's. Takes at most 30
    /// seconds by default, with all attempts: see [`Policy`](wxpay_proto::retry::Policy).
    ///
    /// **Run a payment in a task of its own**, as [`Client::run`] explains.
    ///
    /// # Errors
    ///
    /// The error of the call. [`Error::fate`] states whether WeChat Pay may have carried out the request.
    pub async fn call<E: Endpoint>(&self, operation: E) -> Result<E::Output, Error> {
        self.client.run(self.merchant.call(operation)).await
    }

    /// Resolves an operation whose outcome is unknown, by querying until it is known. [`Error::take_unresolved`] returns
    /// the operation.
    ///
    /// Takes 20 seconds until "not found" is certain, and over four minutes if no query is answered: run it in a task of
    /// its own, and respond to the visitor before. An order may instead be placed again under the same number at once.
    ///
    /// ```no_run
    /// # use wxpay_hyper::WxPay;
    /// use wxpay_proto::v3::{Lookup, refund::{CreateRefund, QueryRefund, Refund}};
    ///
    /// # async fn refund(wxpay: WxPay, create: CreateRefund) -> Result<(), wxpay_proto::Error> {
    /// let refund: Lookup<Refund> = match wxpay.call(create).await {
    ///     Ok(refund) => Lookup::Found(refund),
    ///     Err(mut error) => match error.take_unresolved() {
    ///         Some(unresolved) => wxpay.resolve::<QueryRefund>(unresolved).await?,
    ///         None => return Err(error),
    ///     },
    /// };
    /// # drop(refund); Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// If the outcome stays unknown, or if the query is not that of the operation. The error contains the operation
    /// again.
    pub async fn resolve<Q: Resolver>(&self, unresolved: Unresolved) -> Result<Lookup<Q::Object>, Error> {
        self.client.run(self.merchant.resolve::<Q>(unresolved)).await
    }

    /// Resolves an operation that may have been sent before a crash, from the key that was stored before the call.
    ///
    /// # Errors
    ///
    /// In the cases of [`resolve`](Self::resolve).
    pub async fn resolve_pending<Q: Resolver>(
        &self,
        pending_operation: PendingOperation,
    ) -> Result<Lookup<Q::Object>, Error> {
        self.client.run(self.merchant.resolve_pending::<Q>(pending_operation)).await
    }

    /// Charges a payer's code and polls until the outcome is final, as [`Merchant::charge_by_code`] does.
    ///
    /// # Errors
    ///
    /// If nothing was charged, or if the outcome is unknown; [`Error::fate`] tells them apart.
    pub async fn charge_by_code(&self, payment: CodePayment) -> Result<ChargeOutcome, Error> {
        self.client.run(self.merchant.charge_by_code(payment)).await
    }

    /// Streams a bill to a writer, as [`Client::download`] does, and returns its length in bytes. After an error,
    /// discard everything that was written.
    ///
    /// ```no_run
    /// # use wxpay_hyper::WxPay;
    /// # use wxpay_proto::v3::bill::{BillReply, TradeBill};
    /// # async fn fetch(wxpay: WxPay) -> Result<(), Box<dyn std::error::Error>> {
    /// if let BillReply::Ready(bill_file) = wxpay.call(TradeBill::of("2026-11-23".parse()?).gzip()).await? {
    ///     let mut bill = std::io::Cursor::new(Vec::new()); // or a file: tokio::fs::File
    ///     wxpay.download(&bill_file, &mut bill).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// In the cases of [`Client::download`], or if the URL of the file is invalid.
    pub async fn download(
        &self,
        bill_file: &BillFile,
        writer: impl AsyncWrite,
    ) -> Result<u64, DownloadError> {
        let prepared = self.client.run(self.merchant.prepare_download(bill_file)).await;
        self.client.download(prepared.map_err(DownloadError::File)?, writer).await
    }
}
