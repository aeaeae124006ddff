//! The cryptography of WeChat Pay's third generation, by aws-lc-rs.
