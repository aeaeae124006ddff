//! The format of bill files: comma-separated, each cell prefixed by a grave accent, amounts in yuan, a summary at the
//! end.

use wxpay_proto::Fen;

/// Appends a row. A comma or line break within a cell would shift the cells after it: it is written as a space.
pub(super) fn row(csv: &mut String, cells: &[String]) {
    let cells: Vec<String> =
        cells.iter().map(|cell| format!("`{}", cell.replace([',', '\r', '\n'], " "))).collect();
    csv.push_str(&cells.join(","));
    csv.push_str("\r\n");
}

pub(super) fn yuan(fen: u64) -> String {
    Fen::new(fen).yuan().to_string()
}

/// Formats an amount in yuan that may be negative.
pub(super) fn signed(fen: i128) -> String {
    let amount = yuan(u64::try_from(fen.unsigned_abs()).unwrap_or(u64::MAX));
    if fen < 0 { format!("-{amount}") } else { amount }
}
