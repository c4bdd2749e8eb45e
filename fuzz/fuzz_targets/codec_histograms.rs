//! Chunks of native histograms. What decodes and is valid comes back when encoded again.
#![no_main]

use tsdb::codec::Effort;
use tsdb::codec::histogram::{decode_histograms, encode_histograms};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&count, rest)) = bytes.split_first() else {
        return;
    };
    let mut samples = Vec::new();
    if decode_histograms(rest, usize::from(count), &mut samples).is_err() {
        return assert!(samples.is_empty());
    }
    assert_eq!(samples.len(), usize::from(count));
    if samples.iter().any(|(_, histogram)| histogram.validate().is_err()) {
        return;
    }
    for effort in [Effort::Fast, Effort::Best] {
        let (mut encoded, mut back) = (Vec::new(), Vec::new());
        let taken = encode_histograms(&samples, effort, &mut encoded);
        assert_eq!(decode_histograms(&encoded, taken, &mut back), Ok(encoded.len()));
        // In words, as not every NaN equals itself.
        assert_eq!(format!("{back:?}"), format!("{:?}", &samples[..taken]));
    }
});
