//! A page of text as a PDF file according to ISO 32000-1: one A4 page in a Chinese font that readers provide.

/// Builds a file of one page with these lines, at most fifty. The same lines give the same bytes.
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
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut table = vec![String::from("0000000000 65535 f ")];
    for (number, object) in (1_usize..).zip(&objects) {
        table.push(format!("{:010} 00000 n ", file.len()));
        file.extend(format!("{number} 0 obj\n{object}\nendobj\n").into_bytes());
    }
    let (at, size, table) = (file.len(), table.len(), table.join("\n"));
    let trailer = format!("<< /Size {size} /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n");
    file.extend(format!("xref\n0 {size}\n{table}\ntrailer\n{trailer}").into_bytes());
    file
}

/// Builds the content stream: the lines from the top of the page down, each a UTF-16 string in hexadecimal digits.
fn content(lines: &[String]) -> String {
    let mut text = vec![String::from("BT\n/F1 12 Tf\n20 TL\n56 770 Td")];
    for line in lines {
        let units: Vec<u8> = line.encode_utf16().flat_map(u16::to_be_bytes).collect();
        text.push(format!("<{}> Tj T*", hex::encode_upper(units)));
    }
    text.push(String::from("ET\n"));
    text.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pdf_xref_table_points_at_every_object() {
        let file = page(&["回单 1".into(), "第二行".into()]);
        let text = String::from_utf8(file).unwrap();
        assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
        let at: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let table: Vec<&str> = text.split_at(at).1.lines().collect();
        assert_eq!(table[..3], ["xref", "0 8", "0000000000 65535 f "]);
        for (number, line) in (1..8).zip(&table[3..]) {
            assert_eq!(line.len(), 19, "with its line feed an entry has 20 bytes");
            let at: usize = line.split(' ').next().unwrap().parse().unwrap();
            assert!(text.split_at(at).1.starts_with(&format!("{number} 0 obj\n")), "{line}");
        }
        assert_eq!(table[10], "trailer");
    }

    #[test]
    fn pdf_stream_has_its_declared_length_and_the_lines() {
        let text = String::from_utf8(page(&["回单 1".into()])).unwrap();
        let stream = text.split("stream\n").nth(1).unwrap();
        let stream = stream.strip_suffix("end").unwrap();
        assert!(text.contains(&format!("/Length {} >>", stream.len())));
        assert!(stream.contains("<56DE535500200031> Tj"), "{stream}");
    }
}
