//! From a request to the sink: handles for its series, then its samples.

use model::exemplar::ExemplarSink;
use model::metrics::{AppendReport, MetricSink, NewSeries, RefSample, Rejected, SeriesRef};
use model::series_key::encode_labels;
use model::{Labels, SeriesKey};

use super::super::PushError;
use super::super::body::snappy_into;
use super::beside::Beside;
use super::buffers::Buffers;
use super::walk::Walk;
use super::{ReceiveError, Received, labels, malformed};

impl Buffers {
    /// Takes one request.
    pub(super) fn receive(
        &mut self,
        sink: &dyn MetricSink,
        exemplars: Option<&dyn ExemplarSink>,
        body: &[u8],
        limit: usize,
    ) -> Result<Received, ReceiveError> {
        let Buffers { plain, walk, refs } = self;
        let plain = snappy_into(body, limit, plain)?;
        walk.read(plain)?;
        let mut received = Received {
            invalid: walk.invalid.take(),
            ..Received::default()
        };
        let beside = Beside::read(plain, &walk.beside, exemplars.is_some(), &mut received)?;
        if !walk.samples.is_empty() {
            let mut request = Request { plain, walk, refs };
            request.find(sink, &mut received)?;
            request.store(sink, &mut received)?;
        }
        beside.store(sink, exemplars, &mut received)?;
        for (family, metadata) in &walk.metadata {
            sink.set_metadata(family, metadata);
        }
        Ok(received)
    }
}

/// A request that has been walked over.
struct Request<'a> {
    plain: &'a [u8],
    walk: &'a mut Walk,
    /// The handle of each of the walk's series, as far as it is known.
    refs: &'a mut Vec<SeriesRef>,
}

impl Request<'_> {
    /// Finds or makes the handle of each series; what has none then is noted as not taken.
    fn find(&mut self, sink: &dyn MetricSink, received: &mut Received) -> Result<(), PushError> {
        sink.find(&self.walk.keys, self.refs);
        self.refs.resize(self.walk.keys.len(), SeriesRef::UNKNOWN);
        let refs = self.refs.iter().enumerate();
        let unknown = refs.filter(|(_, series)| **series == SeriesRef::UNKNOWN);
        let unknown: Vec<usize> = unknown.map(|(i, _)| i).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let missing = self.find_mended(sink, &unknown, received)?;
        self.create(sink, &missing, received)
    }

    /// Asks by the key that a series would have if its labels had been sent as they should be. Gives those that have no
    /// handle even so, and whose labels are valid.
    fn find_mended(
        &mut self,
        sink: &dyn MetricSink,
        unknown: &[usize],
        received: &mut Received,
    ) -> Result<Vec<usize>, PushError> {
        let (mut missing, mut mended, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let (mut pairs, mut encoded) = (Vec::new(), Vec::new());
        for &i in unknown {
            let (Some(span), Some(sent)) = (self.walk.spans.get(i), self.walk.keys.get(i)) else {
                continue;
            };
            match labels::read(span.message(self.plain), &mut pairs).map_err(malformed)? {
                Err(why) => received.leave_out(why, span.samples().len() as u64),
                Ok(()) => {
                    encoded.clear();
                    encode_labels(pairs.iter().copied(), &mut encoded);
                    let key = SeriesKey::of_encoded(&encoded);
                    if key == *sent {
                        missing.push(i);
                    } else {
                        mended.push(i);
                        keys.push(key);
                    }
                }
            }
        }
        if !mended.is_empty() {
            let mut found = Vec::new();
            sink.find(&keys, &mut found);
            for (&i, series) in mended.iter().zip(found) {
                match self.refs.get_mut(i) {
                    Some(place) if series != SeriesRef::UNKNOWN => *place = series,
                    _ => missing.push(i),
                }
            }
            // What arrives together is made in the order in which it came.
            missing.sort_unstable();
        }
        Ok(missing)
    }

    /// Makes series by their labels, which have been checked.
    fn create(
        &mut self,
        sink: &dyn MetricSink,
        missing: &[usize],
        received: &mut Received,
    ) -> Result<(), PushError> {
        let (mut new, mut pairs, mut made) = (Vec::with_capacity(missing.len()), Vec::new(), Vec::new());
        for &i in missing {
            let Some(span) = self.walk.spans.get(i) else {
                continue;
            };
            if labels::read(span.message(self.plain), &mut pairs)
                .map_err(malformed)?
                .is_err()
            {
                // It was valid before. The sink refuses a series without labels.
                pairs.clear();
            }
            let first = self.walk.samples.get(span.samples().start);
            new.push(NewSeries {
                labels: Labels::from_sorted(&pairs),
                timestamp_ms: first.map_or(0, |sample| sample.timestamp_ms),
            });
        }
        if new.is_empty() {
            return Ok(());
        }
        sink.create(&new, &mut made);
        for (&i, made) in missing.iter().zip(made) {
            let (Some(place), Some(span)) = (self.refs.get_mut(i), self.walk.spans.get(i)) else {
                continue;
            };
            match made {
                Ok(series) => *place = series,
                Err(why) => received.reject(why, span.samples().len() as u64),
            }
        }
        Ok(())
    }

    /// Stores the samples of the series that have handles. Where the sink has forgotten a series since it gave the
    /// handle, that one is made anew and its samples sent once more.
    fn store(&mut self, sink: &dyn MetricSink, received: &mut Received) -> Result<(), ReceiveError> {
        self.address();
        let report = sink.append_samples(&self.walk.samples)?;
        let forgotten = note(report, received);
        if forgotten.is_empty() {
            return Ok(());
        }
        let again: Vec<(usize, RefSample)> = self.owners(&forgotten);
        let mut missing: Vec<usize> = again.iter().map(|(i, _)| *i).collect();
        missing.dedup();
        for &i in &missing {
            if let Some(place) = self.refs.get_mut(i) {
                *place = SeriesRef::UNKNOWN;
            }
        }
        self.create(sink, &missing, received)?;
        let addressed = again.into_iter().filter_map(|(i, sample)| {
            let series = *self.refs.get(i)?;
            (series != SeriesRef::UNKNOWN).then_some(RefSample { series, ..sample })
        });
        let again: Vec<RefSample> = addressed.collect();
        if !again.is_empty() {
            let still = note(sink.append_samples(&again)?, received);
            if !still.is_empty() {
                received.reject(Rejected::UnknownSeries, still.len() as u64);
            }
        }
        Ok(())
    }

    /// Writes the handles into the samples, and drops the samples of series that have none.
    fn address(&mut self) {
        let mut all_known = true;
        for (span, &series) in self.walk.spans.iter().zip(self.refs.iter()) {
            all_known &= series != SeriesRef::UNKNOWN;
            for sample in self.walk.samples.get_mut(span.samples()).unwrap_or_default() {
                sample.series = series;
            }
        }
        if !all_known {
            self.walk
                .samples
                .retain(|sample| sample.series != SeriesRef::UNKNOWN);
        }
    }

    /// The samples at some places of what was sent to the sink, each with the number of its series.
    fn owners(&self, places: &[usize]) -> Vec<(usize, RefSample)> {
        let spans = self.walk.spans.iter().zip(self.refs.iter()).enumerate();
        let sent = spans.filter(|(_, (_, series))| **series != SeriesRef::UNKNOWN);
        let mut owner = sent
            .flat_map(|(i, (span, _))| span.samples().map(move |_| i))
            .enumerate();
        let owned = places.iter().filter_map(|&place| {
            let (_, i) = owner.find(|(at, _)| *at == place)?;
            Some((i, *self.walk.samples.get(place)?))
        });
        owned.collect()
    }
}

/// Counts what a report says; gives the samples, in order, whose series the sink has forgotten.
fn note(report: AppendReport, received: &mut Received) -> Vec<usize> {
    received.stored += report.stored;
    let mut forgotten = Vec::new();
    for (at, why) in report.rejected {
        match why {
            Rejected::UnknownSeries => forgotten.push(at),
            why => received.reject(why, 1),
        }
    }
    forgotten.sort_unstable();
    forgotten
}
