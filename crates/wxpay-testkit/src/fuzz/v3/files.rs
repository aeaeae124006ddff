//! Files: downloaded bills and uploads.

use wxpay_proto::wire::{
    bill::{Line, Reader},
    multipart::Upload,
};

/// Checks that a bill gives the same lines in chunks of any length. The first byte selects the length.
pub fn bill(data: &[u8]) {
    let Some((first, file)) = data.split_first() else { return };
    let whole = read(file, file.len());
    assert_eq!(read(file, usize::from(*first % 32) + 1), whole);
}

/// Returns the lines, and whether the reader reached the end.
fn read(file: &[u8], chunk_len: usize) -> (Vec<(bool, Vec<String>)>, bool) {
    let (mut reader, mut lines) = (Reader::new(), Vec::new());
    for chunk in file.chunks(chunk_len.max(1)) {
        reader.push(chunk);
        loop {
            match reader.next_line() {
                Ok(Some(line)) => lines.push(cells_of(line)),
                Ok(None) => break,
                Err(_) => return (lines, false),
            }
        }
    }
    match reader.finish() {
        Ok(last) => {
            lines.extend(last.map(cells_of));
            (lines, true)
        }
        Err(_) => (lines, false),
    }
}

fn cells_of(line: Line<'_>) -> (bool, Vec<String>) {
    let (is_summary, row) = match line {
        Line::Row(row) => (false, row),
        Line::Summary(row) => (true, row),
    };
    for name in row.columns() {
        assert!(
            row.amount(name).is_ok() || row.cell(name).is_some(),
            "a cell that is not an amount must still be readable"
        );
    }
    (is_summary, row.cells().map(str::to_owned).collect())
}

/// Checks uploads. The first line is the file's name, the rest the file. The body must have two parts: the file's
/// description and the file.
pub fn multipart(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (name, file) = data.split_at(line);
    let (Ok(name), file) = (std::str::from_utf8(name), file.get(1..).unwrap_or_default()) else { return };
    let Ok(upload) = Upload::new(name, file.to_vec()) else { return };
    let meta: serde_json::Value = serde_json::from_slice(upload.meta()).unwrap();
    assert_eq!(meta["filename"], name);
    let content_type = upload.content_type();
    let boundary = format!("\r\n--{}", content_type.split_once("boundary=").unwrap().1);
    let body = [b"\r\n", upload.body().as_slice()].concat();
    let mut parts = Vec::new();
    let mut rest = body.strip_prefix(boundary.as_bytes()).unwrap();
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = part.windows(boundary.len()).position(|window| window == boundary.as_bytes()).unwrap();
        parts.push(&part[..end]);
        rest = &part[end + boundary.len()..];
    }
    assert_eq!(rest, b"--\r\n");
    let [first, second] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    let content = |part: &[u8]| {
        let head = part.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        part[head + 4..].to_vec()
    };
    assert_eq!(content(first), upload.meta());
    assert_eq!(content(second), file);
}
