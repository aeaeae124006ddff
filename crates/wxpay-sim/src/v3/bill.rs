//! Bills of a day. They are available from ten o'clock of the next day (GMT+8).

use super::{
    call::Call,
    download::{self, FileKind, fetch, publish_bill},
    errors::{self, Refusal},
    fields::{Field, Kind, optional, required, text},
    operation::Operation,
    party::{self, MCHID_KIND},
    reply::Reply,
};
use crate::{bill, gateway::Gateway, ledger::JournalEntry, rng::ALPHANUMERIC, settings::GzipPlace, time};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest::{SHA1_FOR_LEGACY_USE_ONLY, digest},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::io::Write as _;
use wxpay_proto::id::MchId;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::get("v3.bill.trade", "/v3/bill/tradebill", trade).with_query(TRADE),
    Operation::get("v3.bill.fundflow", "/v3/bill/fundflowbill", fundflow).with_query(FUNDFLOW),
    Operation::get("v3.bill.sub_merchant_fundflow", "/v3/bill/sub-merchant-fundflowbill", encrypted_fundflow)
        .with_query(SUB_FUNDFLOW),
    Operation::get("v3.bill.profitsharing", "/v3/profitsharing/bills", profitsharing).with_query(&[
        BILL_DATE,
        ANY_SUB_MCHID,
        TAR_TYPE,
    ]),
    Operation::get("v3.download", "/v3/billdownload/file", fetch).with_query(download::QUERY),
];

const BILL_DATE: Field = required("bill_date", "账单日期", text(32));
const ANY_SUB_MCHID: Field = optional("sub_mchid", "子商户号", MCHID_KIND);
const TAR_TYPE: Field = optional("tar_type", "压缩类型", Kind::OneOf(&["GZIP"]));
const TRADE: &[Field] = &[
    BILL_DATE,
    ANY_SUB_MCHID,
    TAR_TYPE,
    optional("bill_type", "账单类型", Kind::OneOf(&["ALL", "SUCCESS", "REFUND"])),
];
const FUNDFLOW: &[Field] = &[
    BILL_DATE,
    ANY_SUB_MCHID,
    TAR_TYPE,
    optional("account_type", "资金账户类型", Kind::OneOf(&["BASIC", "OPERATION", "FEES"])),
];
const SUB_FUNDFLOW: &[Field] = &[
    BILL_DATE,
    required("sub_mchid", "子商户号", MCHID_KIND),
    TAR_TYPE,
    required("account_type", "资金账户类型", Kind::OneOf(&["BASIC", "OPERATION", "FEES", "DEPOSIT"])),
    required("algorithm", "加密算法", Kind::OneOf(&["AEAD_AES_256_GCM"])),
];

/// Returns the trade bill of all orders that the caller placed, or only of those for `sub_mchid`.
fn trade(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let selected = of_sub_merchant(entries(gateway, call)?, sub_mchid.as_ref());
    let text = bill::trade(&gateway.ledger, &selected, call.query("bill_type").unwrap_or("ALL"));
    bill_reply(gateway, call, text)
}

/// Returns the profit-sharing bill of the caller, or only of the payments to `sub_mchid`.
fn profitsharing(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let selected = of_sub_merchant(entries(gateway, call)?, sub_mchid.as_ref());
    let text = bill::sharings(&gateway.ledger, &selected);
    bill_reply(gateway, call, text)
}

fn of_sub_merchant<'a>(
    entries: impl Iterator<Item = &'a JournalEntry>,
    sub_mchid: Option<&MchId>,
) -> Vec<&'a JournalEntry> {
    entries.filter(|entry| sub_mchid.is_none() || entry.sub_mchid.as_ref() == sub_mchid).collect()
}

/// Returns the fund flow bill of the caller's account, or of the account of a sub-merchant.
fn fundflow(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let text = fundflow_text(gateway, call)?;
    bill_reply(gateway, call, text)
}

fn fundflow_text(gateway: &Gateway, call: &Call) -> Result<Option<String>, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let entries = entries(gateway, call)?;
    let is_basic = call.query("account_type").is_none_or(|account| account == "BASIC");
    let selected = entries.filter(|entry| is_basic && entry.sub_mchid == sub_mchid);
    Ok(bill::fundflow(&gateway.ledger, &selected.collect::<Vec<_>>()))
}

/// Returns the journal entries of the requested day, if its bill is ready.
fn entries<'a>(
    gateway: &'a Gateway,
    call: &'a Call,
) -> Result<impl Iterator<Item = &'a JournalEntry>, Refusal> {
    let parsed = time::bill_date(call.query("bill_date").unwrap_or_default());
    let (day, day_end, expires_at) =
        parsed.ok_or_else(|| errors::INVALID_REQUEST.with_message("bill_date格式不正确"))?;
    if call.now < day_end {
        return Err(errors::INVALID_REQUEST.with_message("不能下载当日及以后的账单"));
    }
    if expires_at < call.now {
        return Err(errors::INVALID_REQUEST.with_message("只能下载三个月以内的账单"));
    }
    if call.now < day_end.after(gateway.settings().v3.bill_delay) {
        return Err(
            errors::STATEMENT_CREATING.with_reason("the bill is generated at ten o'clock of the next day")
        );
    }
    Ok(gateway.ledger.journal.entries(&day, &call.mchid))
}

fn bill_reply(gateway: &mut Gateway, call: &Call, text: Option<String>) -> Result<Reply, Refusal> {
    let text = text.ok_or_else(|| errors::NO_STATEMENT_EXIST.with_reason("the day has no transactions"))?;
    let hash_value = sha1(text.as_bytes());
    let file = compress(call, text.into_bytes())?;
    let kind = if call.query("tar_type").is_some() { FileKind::Gzip } else { FileKind::Plain };
    let download_url = publish_bill(gateway, call, (file, kind));
    Ok(Reply::json(&json!({ "hash_type": "SHA1", "hash_value": hash_value, "download_url": download_url })))
}

/// Returns the fund flow bill of one sub-merchant. The file is encrypted with a new key, and the key with the caller's
/// public key.
fn encrypted_fundflow(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let text = fundflow_text(gateway, call)?;
    let text = text.ok_or_else(|| errors::NO_STATEMENT_EXIST.with_reason("the day has no transactions"))?;
    let hash_value = sha1(text.as_bytes());
    let (key, nonce) = (gateway.rng.text(ALPHANUMERIC, 32), gateway.rng.text(ALPHANUMERIC, 12));
    let encryption_error = || errors::SYSTEM_ERROR.with_reason("the bill cannot be encrypted");
    let encrypt = |bytes| seal(&key, &nonce, bytes).ok_or_else(encryption_error);
    // The URL does not say gzip: no source shows it for these files.
    let encrypted = match gateway.settings().v3.sub_merchant_bill_gzip {
        GzipPlace::OutsideCipher => compress(call, encrypt(text.into_bytes())?)?,
        GzipPlace::InsideCipher => encrypt(compress(call, text.into_bytes())?)?,
    };
    let encrypt_key = seal_key(gateway, &call.mchid, &key).ok_or_else(encryption_error)?;
    let download_url = publish_bill(gateway, call, (encrypted, FileKind::Plain));
    Ok(Reply::json(&json!({
        "download_bill_count": 1,
        "download_bill_list": [{
            "bill_sequence": 1,
            "download_url": download_url,
            "encrypt_key": encrypt_key,
            "hash_type": "SHA1",
            "hash_value": hash_value,
            "nonce": nonce,
        }],
    })))
}

fn seal_key(gateway: &Gateway, mchid: &MchId, key: &str) -> Option<Value> {
    let merchant_key = gateway.registry().get(mchid)?.encryption_key()?;
    Some(STANDARD.encode(merchant_key.seal(key.as_bytes())?).into())
}

/// Encrypts with AES-256-GCM without associated data. The tag is appended.
fn seal(key: &str, nonce: &str, mut data: Vec<u8>) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut data).ok()?;
    Some(data)
}

fn sha1(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes))
}

/// Compresses the bill with gzip, if the request asks for it.
fn compress(call: &Call, bytes: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    if call.query("tar_type").is_none() {
        return Ok(bytes);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let compressed = encoder.write_all(&bytes).and_then(|()| encoder.finish());
    compressed.map_err(|_| errors::SYSTEM_ERROR.with_reason("the bill cannot be compressed"))
}
