//! All samples in one `prometheus.ReadResponse`, compressed as one block.

use model::metrics::{Samples, Walk};

use super::request::Query;
use super::{ReadError, Source, wire};

/// No answer is longer before compression: the block format could not hold much more.
const MAX_BYTES: usize = 1 << 30;

/// The answer's bytes.
pub(super) fn answer(source: &Source, queries: &[Query]) -> Result<Vec<u8>, ReadError> {
    let mut response = Vec::new();
    for query in queries {
        // As in Prometheus, the bound is one for each query.
        let mut left = match source.state.read.sample_limit {
            0 => u64::MAX,
            limit => limit,
        };
        let mut result = Vec::new();
        let selected = source.select(query)?;
        let mut walk = Walk::new(&*selected.series);
        let (mut samples, mut series, mut scratch) = (Samples::default(), Vec::new(), Vec::new());
        while let Some(labels) = walk.next(&mut samples)? {
            let limit = source.state.read.sample_limit;
            left = left
                .checked_sub(samples.len() as u64)
                .ok_or(ReadError::TooMany(limit))?;
            series.clear();
            wire::labels(&mut series, &source.outside(&labels));
            for sample in samples.iter() {
                wire::message(&mut series, 2, &mut scratch, |out| {
                    wire::sample(out, sample.timestamp_ms, sample.value);
                });
            }
            for (ms, histogram) in &samples.histograms {
                wire::message(&mut series, 4, &mut scratch, |out| {
                    wire::histogram(out, *ms, histogram)
                });
            }
            wire::bytes(&mut result, 1, &series);
            if response.len() + result.len() > MAX_BYTES {
                let why = format!("the answer is longer than {MAX_BYTES} bytes; ask for streamed chunks");
                return Err(ReadError::Request(why));
            }
        }
        wire::bytes(&mut response, 1, &result);
    }
    let packed = snap::raw::Encoder::new().compress_vec(&response);
    packed.map_err(|e| ReadError::Request(e.to_string()))
}
