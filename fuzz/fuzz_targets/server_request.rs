#![no_main]

use wxpay_server::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::server_request(data));
