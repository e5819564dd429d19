#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| callback_hub_fuzz::catalog(text));
