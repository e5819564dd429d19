#![no_main]

libfuzzer_sys::fuzz_target!(|input: (Vec<(u8, Vec<u8>)>, Vec<u8>)| callback_hub_fuzz::verify(&input.0, &input.1));
