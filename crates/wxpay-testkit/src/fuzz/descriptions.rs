//! Files that a user brings: descriptions of operations, and shop files.

use wxpay_catalogue::Catalogue;
use wxpay_certify::Shop;

/// Reads a description of operations and uses it: each operation is found by its own example, and any request can be
/// checked. The input is a description, perhaps with a zero byte and a request after it: method, target and body, divided
/// by line feeds.
pub fn catalogue(data: &[u8]) {
    let (description, request) = halves(data, 0);
    let Ok((catalogue, defects)) = Catalogue::read(description) else { return };
    assert!(
        defects.iter().all(|defect| defect.place.starts_with("/paths/") || defect.place.starts_with('/'))
    );
    for operation in catalogue.operations() {
        let example = operation.example();
        let path = example.target.split('?').next().unwrap_or_default();
        let found = catalogue.find(operation.method, path).expect("an operation is found by its example");
        assert_eq!(found.operation.method, operation.method);
        let body = example.body.map(|body| body.to_string());
        let complaints =
            catalogue.check(operation.method, &example.target, body.as_deref().map(str::as_bytes));
        assert!(complaints.iter().all(|complaint| complaint.place.starts_with('/')), "{complaints:?}");
    }
    let (line, body) = halves(request, b'\n');
    let (method, target) = halves(line, b' ');
    let (method, target) = (String::from_utf8_lossy(method), String::from_utf8_lossy(target));
    let complaints = catalogue.check(&method, &target, Some(body));
    assert!(complaints.len() <= 101, "{}", complaints.len());
}

/// Divides bytes at the first separator.
fn halves(data: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == separator);
    at.map_or((data, &[]), |at| (&data[..at], &data[at + 1..]))
}

/// Reads a shop file. A refusal never shows the value of an environment variable.
pub fn shop_file(data: &[u8]) {
    const VALUE: &str = "a-token-of-the-shop";
    if let Err(error) = Shop::parse(data, |name| (name != "MISSING").then(|| VALUE.into())) {
        let error = error.to_string();
        assert!(!error.is_empty() && !error.contains(VALUE), "{error}");
    }
}
