//! Prometheus remote write 1.0: a snappy body that holds a `prometheus.WriteRequest`, from bytes to the sink.
//!
//! A sender repeats the labels of every series in every request, so the usual request is taken without reading a
//! letter of them: [`walk`] finds where the bytes of each series' labels lie, hashes them to a [`SeriesKey`] and puts
//! the samples into columns; the sink knows most keys. Only what it does not know is decoded and checked ([`labels`])
//! and made by its label set. Labels in another order or encoding than the usual have another hash than the series
//! they mean: they are sorted, encoded as they should be and asked for once more, request by request; nothing is
//! remembered of them.
//!
//! Specification: <https://prometheus.io/docs/specs/prw/remote_write_spec/>. As in Prometheus' receiver, a series with
//! invalid labels is left out and named, the others are taken, and the answer is 400 all the same. Costs per sample of
//! a known series: unpacking its bytes, one hash over its labels, and no allocation.
//!
//! [`SeriesKey`]: model::SeriesKey
//! [`walk`]: mod@walk

mod beside;
mod buffers;
mod exemplar;
mod histogram;
mod labels;
mod metadata;
mod receive;
mod walk;

use std::collections::BTreeMap;

use model::StoreError;
use model::metrics::Rejected;

pub use buffers::Receiver;
pub(super) use labels::pair;

use super::PushError;
use super::wire::WireError;

/// More labels than this on one series are refused.
pub const MAX_LABELS: usize = 256;
/// More samples than this in one request are refused; senders batch thousands.
pub const MAX_SAMPLES: usize = 1_000_000;

/// Why a whole request was refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReceiveError {
    /// Its bytes are wrong. Nothing of it is stored.
    #[error(transparent)]
    Push(#[from] PushError),
    /// The store took nothing, or nobody knows what.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Samples stored, native histograms among them.
    pub stored: usize,
    /// Samples that the store did not take, by its reasons.
    pub rejected: BTreeMap<&'static str, u64>,
    /// Exemplars stored. Those that were known already count nowhere.
    pub exemplars_stored: u64,
    /// Exemplars that were stepped over or refused, which is no reason to refuse a request.
    pub exemplars_skipped: u64,
    /// Samples left out because the labels of their series are invalid.
    pub samples_invalid: u64,
    /// What is wrong with the first series that was left out.
    pub invalid: Option<String>,
}

impl Received {
    /// What can never be stored, in words; where there is anything of it the answer is 400.
    pub fn refusal(&self) -> Option<String> {
        let mut why: Vec<String> = self.invalid.iter().cloned().collect();
        let counted = |(why, count): (&&str, &u64)| format!("{why} ({count} samples)");
        why.extend(self.rejected.iter().map(counted));
        (!why.is_empty()).then(|| why.join("; "))
    }

    fn reject(&mut self, why: Rejected, samples: u64) {
        *self.rejected.entry(why.as_str()).or_default() += samples;
    }

    fn leave_out(&mut self, why: String, samples: u64) {
        self.samples_invalid += samples;
        self.invalid.get_or_insert(why);
    }
}

fn malformed(error: WireError) -> PushError {
    PushError::malformed("remote write request", &error)
}

/// Checks the `Content-Type` header: version 1.0 of the protocol, said or left unsaid.
///
/// # Errors
/// [`PushError::Unsupported`] for version 2.0 (senders fall back when they get 415) and everything else.
pub fn check_content_type(value: Option<&str>) -> Result<(), PushError> {
    let mut parts = value
        .unwrap_or("application/x-protobuf")
        .split(';')
        .map(str::trim);
    let protobuf = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/x-protobuf"));
    let mut messages = parts.filter_map(|parameter| parameter.strip_prefix("proto="));
    if protobuf && messages.all(|message| message == "prometheus.WriteRequest") {
        return Ok(());
    }
    let what = format!(
        "content type {:?}; supported: application/x-protobuf;proto=prometheus.WriteRequest",
        value.unwrap_or("")
    );
    Err(PushError::Unsupported { what })
}

#[cfg(test)]
mod tests;
