//! The fund flow bill of one sub-merchant's account, encrypted.
//!
//! `GET /v3/bill/sub-merchant-fundflowbill`. Each part is encrypted by AES-256-GCM with its own key, and that key is
//! sealed with the public key of the merchant's certificate. AES-GCM authenticates a part only as a whole. A part is
//! therefore not streamed, and its size is limited.

use super::{AccountType, BillDate, BillReply};
use crate::{
    crypto::{InvalidSignature, SymmetricKey},
    error::ErrorKind,
    exchange::{Flow, Never, Reply, Step, Transmit, sealed},
    id::MchId,
    secret::Secret,
    v3::{
        download::{self, BillFile, DigestCheck, Download, HashType},
        prelude::*,
    },
    wire::{base64, gzip},
};
use core::fmt;

/// The maximum size of an encrypted part, in bytes.
const MAX_PART_BYTES: usize = 64 * 1024 * 1024;

/// The maximum size of a decompressed part, in bytes.
const MAX_BILL_BYTES: usize = 4 * MAX_PART_BYTES;

/// Requests the fund flow bill of one sub-merchant's account. Returns its encrypted parts in order.
#[derive(Clone, Debug)]
pub struct SubMerchantFundFlowBill {
    sub_mchid: MchId,
    bill_date: BillDate,
    account_type: AccountType,
    is_gzip: bool,
}

impl SubMerchantFundFlowBill {
    /// Creates a request for the bill of this account and day.
    pub fn new(sub_mchid: MchId, bill_date: BillDate, account_type: AccountType) -> Self {
        Self { sub_mchid, bill_date, account_type, is_gzip: false }
    }

    /// Requests the file gzip-compressed.
    #[must_use]
    pub fn gzip(self) -> Self {
        Self { is_gzip: true, ..self }
    }
}

/// An encrypted part of a bill: its URL, its digest and its key. `Debug` omits them.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPart {
    bill_sequence: u64,
    file: BillFile,
    encrypt_key: String,
    nonce: String,
}

impl SealedPart {
    /// Returns the number of the part, from 1. Concatenated in this order, the parts are the bill.
    pub fn bill_sequence(&self) -> u64 {
        self.bill_sequence
    }
}

impl fmt::Debug for SealedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedPart").field("bill_sequence", &self.bill_sequence).finish_non_exhaustive()
    }
}

object! {
    struct List {
        download_bill_count: u64,
        download_bill_list: Vec<Part> = every,
    }
}

object! {
    struct Part {
        bill_sequence: u64,
        download_url: String,
        encrypt_key: String,
        hash_type: HashType,
        hash_value: String,
        nonce: String,
    }
}

impl Endpoint for SubMerchantFundFlowBill {
    type Output = BillReply<Vec<SealedPart>>;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let target = Target::new("/v3/bill/sub-merchant-fundflowbill")
            .query("sub_mchid", self.sub_mchid.as_str())
            .query("bill_date", &self.bill_date.to_string())
            .query("account_type", self.account_type.as_str())
            .query("algorithm", "AEAD_AES_256_GCM")
            .query_opt("tar_type", self.is_gzip.then_some("GZIP"));
        Ok(Draft::get("v3.bill.sub_merchant_fundflow", target))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Self::Output, Error> {
        let List { download_bill_count, download_bill_list } = reply.read()?;
        let mut parts: Vec<SealedPart> =
            download_bill_list.into_iter().map(|part| part.into_sealed_part(self.is_gzip)).collect();
        parts.sort_by_key(|part| part.bill_sequence);
        let is_complete = (1..=download_bill_count).eq(parts.iter().map(|part| part.bill_sequence));
        require(is_complete, "bill_sequence", "must number all parts from 1 to download_bill_count")?;
        Ok(BillReply::Ready(parts))
    }

    fn read_refusal(&self, refusal: &Refusal) -> Option<Self::Output> {
        BillReply::from_refusal(refusal)
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Safe
    }
}

impl Part {
    fn into_sealed_part(self, is_gzip: bool) -> SealedPart {
        let Self { bill_sequence, download_url, encrypt_key, hash_type, hash_value, nonce } = self;
        let file = BillFile { hash_type, hash_value, download_url, is_gzip };
        SealedPart { bill_sequence, file, encrypt_key, nonce }
    }
}

/// A decrypted part. Decryption proves that it is complete and authentic. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenedPart {
    /// The part's bytes, decompressed.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for OpenedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedPart").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// Downloads a part and decrypts it.
#[derive(Debug)]
#[must_use = "a flow does nothing unless it is run"]
pub struct OpenBillPart {
    merchant: Merchant,
    part: SealedPart,
}

/// The state after sending the request for a part.
#[doc(hidden)]
#[derive(Debug)]
pub struct AwaitingPart {
    open: OpenBillPart,
    check: DigestCheck,
}

impl Merchant {
    /// Downloads an encrypted part of a bill, decrypts it, and decompresses it if it is gzip-compressed, inside or
    /// outside of the ciphertext: at most 64 MiB, and 256 MiB decompressed.
    ///
    /// The request is sent once. To retry, call this again while the part's URL is valid. After that, request the
    /// [bill](SubMerchantFundFlowBill) again. The rules for the URL are those of
    /// [`prepare_download`](Self::prepare_download).
    pub fn open_bill_part(&self, part: &SealedPart) -> OpenBillPart {
        OpenBillPart { merchant: self.clone(), part: part.clone() }
    }
}

impl OpenBillPart {
    fn open(&self, mut check: DigestCheck, sealed: &[u8]) -> Result<OpenedPart, Error> {
        let key = self.key()?;
        let nonce = self.part.nonce.as_bytes();
        // The documentation does not say whether a part is compressed before it is encrypted or after it.
        let opened = match key.open(nonce, b"", sealed) {
            Err(_) if gzip::is_gzip(sealed) => key.open(nonce, b"", &decompressed(sealed)?),
            opened => opened,
        };
        let mut bytes = opened.map_err(signature_error)?;
        if gzip::is_gzip(&bytes) {
            bytes = decompressed(&bytes)?;
        }
        // Nor does it say whether the digest of a compressed part is that of the compressed bytes. Such a part needs
        // none: AES-GCM has authenticated its bytes.
        if !self.part.file.is_gzip {
            check.update(&bytes);
            check.finish().map_err(Download::digest_error)?;
        }
        Ok(OpenedPart { bytes })
    }

    /// Opens the key of the part with the merchant's private key.
    fn key(&self) -> Result<Arc<dyn SymmetricKey>, Error> {
        let sealed = base64::decode(self.part.encrypt_key.as_bytes());
        let sealed = sealed.map_err(|fault| malformed().caused_by(fault))?;
        let key = self.merchant.private_key().open(&sealed).map_err(|fault| malformed().caused_by(fault))?;
        let key = <[u8; 32]>::try_from(key.expose().as_slice()).map(Secret::new);
        let rule = InvalidField::new("encrypt_key", "must be 32 bytes");
        Ok(self.merchant.provider().symmetric_key(&key.map_err(|_| malformed().caused_by(rule))?))
    }
}

fn decompressed(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    gzip::decompress(bytes, MAX_BILL_BYTES).map_err(|error| malformed().caused_by(error))
}

fn signature_error(error: InvalidSignature) -> Error {
    Error::new(ErrorKind::Signature, None).caused_by(error)
}

impl sealed::Sealed for OpenBillPart {}

impl Flow for OpenBillPart {
    type AwaitingReply = AwaitingPart;
    type Waiting = Never;
    type Output = OpenedPart;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        match download::prepare(&self.merchant, &self.part.file, world) {
            Ok((transmit, check)) => Step::send(
                Transmit { max_reply: MAX_PART_BYTES, ..transmit },
                AwaitingPart { open: self, check },
            ),
            Err(error) => Step::Done(Err(error)),
        }
    }

    fn on_reply(AwaitingPart { open, check }: AwaitingPart, reply: Reply, _: &mut World<'_>) -> Step<Self> {
        // A download changes nothing at WeChat Pay, so the fate of every failure is `NotSent`.
        Step::Done(match reply {
            Ok(reply) if reply.status() == 200 => open.open(check, reply.body()).map_err(Error::of_read),
            Ok(reply) => Err(Download::reply_error(&reply)),
            Err(failure) => Err(Download::transport_error(failure)),
        })
    }

    fn on_wake(waiting: Never, _: &mut World<'_>) -> Step<Self> {
        match waiting {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exchange::Failure, http::Response, memory::Memory, v3::fake};
    use core::error::Error as _;

    // `printf foo | sha1sum`
    const FOO: &str = "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33";

    fn request() -> SubMerchantFundFlowBill {
        let day = "2019-06-11".parse().unwrap();
        SubMerchantFundFlowBill::new("1900000109".parse().unwrap(), day, AccountType::Basic)
    }

    fn part(bill_sequence: u64, key: &[u8]) -> String {
        format!(
            r#"{{"bill_sequence":{bill_sequence},"download_url":"https://api.mch.weixin.qq.com/v3/billdownload/file?token=planted",
                "encrypt_key":"{}","hash_type":"SHA1","hash_value":"{FOO}","nonce":"{NONCE}"}}"#,
            fake::sealed_for_merchant(key)
        )
    }

    fn parts(request: &SubMerchantFundFlowBill, list: &str) -> Result<Vec<SealedPart>, Error> {
        match fake::read(request, list)? {
            BillReply::Ready(parts) => Ok(parts),
            BillReply::Generating | BillReply::NoData => panic!("expected BillReply::Ready"),
        }
    }

    fn opened(key: &[u8], reply: Reply) -> Result<OpenedPart, Error> {
        opened_of(&request(), key, reply)
    }

    fn opened_of(request: &SubMerchantFundFlowBill, key: &[u8], reply: Reply) -> Result<OpenedPart, Error> {
        let list = format!(r#"{{"download_bill_count":1,"download_bill_list":[{}]}}"#, part(1, key));
        let parts = parts(request, &list).unwrap();
        let mut memory = Memory::default();
        let open = fake::merchant().open_bill_part(&parts[0]);
        let Step::Send(transmit, sent) = Step::begin(open, fake::world(&mut memory)) else {
            panic!("expected Step::Send");
        };
        assert_eq!(transmit.max_reply, MAX_PART_BYTES);
        match sent.resume(reply, fake::world(&mut memory)) {
            Step::Done(result) => result,
            Step::Send(..) | Step::Wait(..) => panic!("expected Step::Done"),
        }
    }

    const KEY: [u8; 32] = [7; 32];

    /// A nonce of 16 characters, as in the sample of the documentation.
    const NONCE: &str = "0123456789abcdef";

    /// Returns the reply to the download of an encrypted part.
    fn sealed(plain: &[u8]) -> Response {
        let key = fake::merchant().provider().symmetric_key(&Secret::new(KEY));
        Response::new(200, key.seal(NONCE.as_bytes(), b"", plain))
    }

    #[test]
    fn sub_merchant_bill_request_names_account_and_algorithm() {
        let target = "/v3/bill/sub-merchant-fundflowbill?sub_mchid=1900000109&bill_date=2019-06-11\
                      &account_type=BASIC&algorithm=AEAD_AES_256_GCM";
        assert_eq!(fake::target(&request()), target);
        assert_eq!(fake::target(&request().gzip()), format!("{target}&tar_type=GZIP"));
    }

    #[test]
    fn parts_are_sorted_and_a_missing_part_is_rejected() {
        let list = format!(
            r#"{{"download_bill_count":2,"download_bill_list":[{},{}]}}"#,
            part(2, b""),
            part(1, b"")
        );
        let sequences: Vec<_> =
            parts(&request(), &list).unwrap().iter().map(SealedPart::bill_sequence).collect();
        assert_eq!(sequences, [1, 2]);
        assert!(!format!("{:?}", parts(&request(), &list)).contains("planted"));
        assert_eq!(parts(&request(), r#"{"download_bill_count":0}"#).unwrap(), []);
        for (count, sequence) in [(2, 1), (1, 2), (0, 1)] {
            let list = format!(
                r#"{{"download_bill_count":{count},"download_bill_list":[{}]}}"#,
                part(sequence, b"")
            );
            assert_eq!(parts(&request(), &list).unwrap_err().kind(), ErrorKind::Malformed);
        }
    }

    #[test]
    fn a_part_may_be_compressed_before_or_after_its_encryption() {
        let zipped = gzip::tests::FOO;
        assert_eq!(opened_of(&request().gzip(), &KEY, Ok(sealed(zipped))).unwrap().bytes, b"foo");
        let plain = sealed(b"foo").body().to_vec();
        // A gzip file with one stored block.
        let length = u8::try_from(plain.len()).unwrap();
        let header = [31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 1, length, 0, !length, 255];
        let outside = [&header[..], &plain, &[0; 4], &[length, 0, 0, 0]].concat();
        for request in [request(), request().gzip()] {
            let reply = Ok(Response::new(200, outside.clone()));
            assert_eq!(opened_of(&request, &KEY, reply).unwrap().bytes, b"foo");
        }
        let forged = [&header[..11], &[3, 0, 252, 255], b"foo", &[0; 4], &[3, 0, 0, 0]].concat();
        let error = opened_of(&request().gzip(), &KEY, Ok(Response::new(200, forged))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signature);
    }

    #[test]
    fn a_part_opens_with_its_own_key_and_must_match_its_digest() {
        assert_eq!(opened(&KEY, Ok(sealed(b"foo"))).unwrap().bytes, b"foo");
        let other = opened(&KEY, Ok(sealed(b"fop"))).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Signature);
        assert!(other.source().unwrap().to_string().contains("digest"), "{other:?}");
        let open = Ok(Response::new(200, b"foo".to_vec()));
        assert_eq!(opened(&KEY, open).unwrap_err().kind(), ErrorKind::Signature);
        assert_eq!(opened(&[8; 32], Ok(sealed(b"foo"))).unwrap_err().kind(), ErrorKind::Signature);
        for bad in [&b"short"[..], b""] {
            assert_eq!(opened(bad, Ok(sealed(b"foo"))).unwrap_err().kind(), ErrorKind::Malformed);
        }
        let refused = opened(&KEY, Ok(Response::new(403, b"{\"code\":\"NO_AUTH\"}".to_vec()))).unwrap_err();
        assert_eq!((refused.kind(), refused.fate()), (ErrorKind::Refused, None));
        let lost = opened(&KEY, Err(Failure::Lost("cut".into()))).unwrap_err();
        assert_eq!((lost.kind(), lost.fate()), (ErrorKind::Transport, None));
    }
}
