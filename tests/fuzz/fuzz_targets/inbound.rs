//! Any bytes are read without harm; `tests/it/inbound/bounces.rs` runs the same as a property test.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paperboy::inbound::report::read;
use paperboy::inbound::verdict::verdicts;

fuzz_target!(|mail: &[u8]| {
    let found = verdicts(&read(mail));
    assert!(!found.is_empty());
    assert!(found.iter().all(|verdict| verdict.diagnostic.chars().count() <= 500 && !verdict.diagnostic.contains('\n')));
});
