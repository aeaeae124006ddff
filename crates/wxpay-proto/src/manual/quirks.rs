//! How the gateway departs from its documents, and what the documents leave open.
//!
//! | what | what we do |
//! |---|---|
//! | Everything is answered with HTTP 200 | Success is told by what is in the body |
//! | `errmsg` of success is `Success` here and `ok` there | It is never compared |
//! | A bad signature of `genprepay` is 268500741 (seen in December 2014), of the others 49004 | Both have a name in [`Code`](crate::refusal::Code) |
//! | An expired token is called 40001, 40014 or 42001 | Each refreshes it, once |
//! | A new token kills the old one at once (2014), or five minutes later (2016) | One fetch at a time; late news of an old token spoils nothing |
//! | The quota of tokens is 200 or 2000 a day | 45009 is final until midnight in China |
//! | `order_info` is texts but for `ret_code` | Texts and whole numbers are taken for either |
//! | The answer for an unknown order is not documented | `ret_code` 88221009, as Tenpay has it, is "no such order" |
//! | `trade_state` values but 0 are not documented | They are "not paid so far" |
//! | The `TimeStamp` of the sample has a blank before it | Elements of a notice are trimmed before they are hashed |
//! | `bank_type` is `WX` in the document of the notice, but a bank's code in real ones | It is not checked |
//! | Some merchants get a `notify_id` and nothing else | Such a notice is rejected; ask after the order |
//! | Whether an absent `traceid` is signed as empty | It is always sent |
//! | Whether `+` in a query is a space | It is a plus; a signature over a space does not verify then, and the order is asked after |
//! | How long a `prepayid` can be paid | Not documented; two hours in later generations |
//! | The printed second signature `7ffecb60…` of the documents | It is not the signature of anything printed with it |
//!
//! # The third generation
//!
//! How it is known: D, documents; S, what the source of official clients does; C, what others report; I, inferred.
//!
//! | what | how | what we do |
//! |---|---|---|
//! | The state of a transfer that is under way is spelled `TRANSFERING` | D | So do we |
//! | Codes have two spellings: `SYSTEMERROR`, `SYSTEM_ERROR` | D | They compare without `_` |
//! | A deliberately wrong signature is sent now and then | D | It fails like any other |
//! | Official clients verify successes alone; whether refusals are signed is not said | S, I | A refusal that does not verify leaves the fate unknown |
//! | Which second of the window is too late: 300, 301, or five whole minutes | S | 300 seconds are good, 301 are not |
//! | The list of certificates is signed by a key that it brings itself | D | Opened, then verified with what was opened, then believed |
//! | `/v3/certificates` answers 404 to merchants that verify by public key | D | An empty list |
//! | In the week of the move notices come signed by either kind of key | D | Both are believed, each under its name |
//! | The issue of a wrong signature is one level deeper in `detail` than documented | C | Both places are read |
//! | `OPENID_MISMATCH` and `BANK_ERROR` come as 500 | D | Tried again, then in doubt, and asked after |
//! | Closing an order that does not exist may answer 204 | C | It proves nothing |
//! | `TRANSACTION.SUCCESS` tells of other products, too | C | Its `original_type` and fields decide |
//! | A refund's state is `status` in replies, `refund_status` in notices | D | Each is read under its own name |
//! | The merchant is `mch_id` in some replies about transfers, `mchid` in others | C | Both are read |
//! | `SECURITY_ECHO.SUCCESS` spells the sealed field `encrypt_echo_message`, the reply `encrypted_echo_message` | C | Both are read |
//! | `Wechatpay-Serial` is required for transfers even where nothing is sealed | D | It is sent |
//! | `package_info` of a transfer is not told by its query | D, I | The same request again brings it back |
//! | A transfer is known for thirty days (I), an authorization that nobody confirmed for thirty days after its end (D) | D, I | Ask in time: afterwards "no such number" says nothing |
//! | The digest of a zipped bill is of the unzipped file | D | It is taken behind the unzipping |
//! | A bill's URL lives for 30 seconds, or for five minutes | D | It is fetched at once |
//! | Nothing was traded: 400 `NO_STATEMENT_EXIST` | D | It is no failure |
//! | Serial numbers of certificates begin with a zero now and then | S | Zeros are kept |
