//! Tests against the published vectors, where the file is available.

use super::{package::Package, sign};
use crate::settings::PlusSign;
use serde_json::Value;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/v1.json");

/// Returns the vectors of this kind whose inputs are public. Returns none if there is no file.
fn vectors(kind: &str) -> Vec<Value> {
    let Ok(text) = std::fs::read(FILE) else { return Vec::new() };
    let file: Value = serde_json::from_slice(&text).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    vectors.filter(|vector| vector["kind"] == kind && vector["inputs"].is_object()).cloned().collect()
}

fn parameters(vector: &Value) -> Vec<(String, String)> {
    let parameters = vector["inputs"]["params"].as_object().unwrap();
    parameters.iter().map(|(name, value)| (name.clone(), String::from(value.as_str().unwrap()))).collect()
}

fn bytes(vector: &Value) -> Vec<(String, Vec<u8>)> {
    let gbk = vector["inputs"]["charset"] == "GBK";
    let encode = |text: &str| {
        if gbk { encoding_rs::GBK.encode(text).0.into_owned() } else { text.as_bytes().to_vec() }
    };
    parameters(vector).into_iter().map(|(name, value)| (name, encode(&value))).collect()
}

#[test]
fn md5_signatures_match_the_vectors() {
    for vector in vectors("md5").iter().chain(&vectors("md5-negative")) {
        let sign = sign::md5(&bytes(vector), vector["inputs"]["key"].as_str().unwrap());
        let matches = vector["expected"].as_str() == Some(sign.as_str());
        assert_eq!(Some(matches), vector["verified"].as_bool(), "{}", vector["name"]);
    }
}

#[test]
fn sha1_signatures_match_the_vectors() {
    for vector in vectors("sha1") {
        let mut parameters = parameters(&vector);
        let Some(index) = parameters.iter().position(|(name, _)| name == "appkey") else { continue };
        let (_, key) = parameters.remove(index);
        let pairs: Vec<(&str, &str)> =
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let matches = vector["expected"].as_str() == Some(sign::sha1(&pairs, &key).as_str());
        assert_eq!(Some(matches), vector["verified"].as_bool(), "{}", vector["name"]);
    }
}

#[test]
fn package_signatures_of_the_vectors_verify() {
    for vector in vectors("package_string") {
        let package = Package::parse(vector["expected"].as_str().unwrap(), PlusSign::Literal);
        assert!(package.is_signed_by(vector["inputs"]["key"].as_str().unwrap()), "{}", vector["name"]);
        for (name, value) in bytes(&vector) {
            assert_eq!(package.bytes(&name), Some(value.as_slice()), "{}", vector["name"]);
        }
    }
}

#[test]
fn notification_query_signatures_of_the_vectors_verify() {
    for vector in vectors("md5") {
        let Some(query) = vector["inputs"]["query_string"].as_str() else { continue };
        let package = Package::parse(query, PlusSign::Literal);
        assert!(package.is_signed_by(vector["inputs"]["key"].as_str().unwrap()), "{}", vector["name"]);
    }
}
