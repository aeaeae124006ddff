//! QR codes as the path of an SVG image.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write as _;

/// Quiet zone around a code, in modules (ISO/IEC 18004).
const QUIET_ZONE: i32 = 4;

/// A QR code: the side of its square with the quiet zone, in modules, and the path of its dark modules.
#[derive(Debug)]
pub(super) struct Qr {
    pub(super) side: i32,
    pub(super) path: String,
}

impl Qr {
    /// Draws the code of a text. `None` if the text is too long for one.
    pub(super) fn new(text: &str) -> Option<Self> {
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
        let mut path = String::new();
        for y in 0..code.size() {
            for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
                let (left, top) = (x.saturating_add(QUIET_ZONE), y.saturating_add(QUIET_ZONE));
                // Writing to a String cannot fail.
                write!(path, "M{left} {top}h1v1h-1z").ok();
            }
        }
        Some(Self { side: code.size().saturating_add(QUIET_ZONE.saturating_mul(2)), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the text of a code with another implementation, from its path.
    fn read(qr: &Qr) -> String {
        let side = usize::try_from(qr.side).unwrap();
        let dark: std::collections::BTreeSet<(usize, usize)> = qr
            .path
            .split('M')
            .skip(1)
            .map(|module| {
                let (x, y) = module.strip_suffix("h1v1h-1z").unwrap().split_once(' ').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            })
            .collect();
        // Four pixels for each module.
        let pixels = side.saturating_mul(4);
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(pixels, pixels, |x, y| {
            if dark.contains(&(x / 4, y / 4)) { 0 } else { 255 }
        });
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn code_is_read_by_another_implementation() {
        for text in ["weixin://wxpay/bizpayurl?pr=p4lpSuKzz", "http://127.0.0.1:8080/_pay?code=x%2Fy", "支付"]
        {
            assert_eq!(read(&Qr::new(text).unwrap()), text);
        }
        assert!(Qr::new(&"x".repeat(5000)).is_none());
    }
}
