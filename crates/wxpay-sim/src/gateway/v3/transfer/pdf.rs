//! A page of text as a PDF file, by ISO 32000-1: one page of A4, in a font that every reader has for Chinese.

use std::fmt::Write as _;

/// A file of one page with these lines, of which there may be fifty. The same lines give the same bytes.
pub(super) fn page(lines: &[String]) -> Vec<u8> {
    let text = content(lines);
    let objects = [
        String::from("<< /Type /Catalog /Pages 2 0 R >>"),
        String::from("<< /Type /Pages /Kids [3 0 R] /Count 1 >>"),
        String::from(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        ),
        format!("<< /Length {} >>\nstream\n{text}endstream", text.len()),
        String::from(
            "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light-UniGB-UCS2-H /Encoding /UniGB-UCS2-H /DescendantFonts [6 0 R] >>",
        ),
        String::from(
            "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /FontDescriptor 7 0 R >>",
        ),
        String::from(
            "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>",
        ),
    ];
    let mut file = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in (1_usize..).zip(&objects) {
        let at = file.len();
        // Writing to a string cannot fail.
        let _ = write!(table, "{at:010} 00000 n \n");
        let _ = write!(file, "{number} 0 obj\n{object}\nendobj\n");
    }
    let (at, size) = (file.len(), objects.len().saturating_add(1));
    let _ = write!(
        file,
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n"
    );
    file.into_bytes()
}

/// The lines from the top of the page down. Each is a string of UTF-16, in hexadecimal digits.
fn content(lines: &[String]) -> String {
    let mut text = String::from("BT\n/F1 12 Tf\n20 TL\n56 770 Td\n");
    for line in lines {
        let hex: String = line.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
        let _ = writeln!(text, "<{hex}> Tj T*");
    }
    text.push_str("ET\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_where_the_table_says() {
        let file = page(&["回单 1".into(), "第二行".into()]);
        let text = String::from_utf8(file).unwrap();
        assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
        let at: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let table: Vec<&str> = text[at..].lines().collect();
        assert_eq!(table[..3], ["xref", "0 8", "0000000000 65535 f "]);
        for (number, line) in (1..8).zip(&table[3..]) {
            assert_eq!(line.len(), 19, "with its line feed an entry has 20 bytes");
            let at: usize = line[..10].parse().unwrap();
            assert!(text[at..].starts_with(&format!("{number} 0 obj\n")), "{line}");
        }
        assert_eq!(table[10], "trailer");
    }

    #[test]
    fn the_stream_is_as_long_as_it_says_and_holds_the_lines() {
        let text = String::from_utf8(page(&["回单 1".into()])).unwrap();
        let stream = text.split("stream\n").nth(1).unwrap();
        let stream = stream.strip_suffix("end").unwrap();
        assert!(text.contains(&format!("/Length {} >>", stream.len())));
        assert!(stream.contains("<56DE535500200031> Tj"), "{stream}");
    }
}
