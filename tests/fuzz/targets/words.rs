#![no_main]

libfuzzer_sys::fuzz_target!(|input: (String, Vec<u8>)| callback_hub_fuzz::words(&input.0, &input.1));
