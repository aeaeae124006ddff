#![no_main]

use wxpay_testkit::fuzz;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::catalogue(data));
