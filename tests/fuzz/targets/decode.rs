#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| callback_hub_fuzz::decode(body));
