//! What is in a record of the log.

use std::sync::Arc;

use model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, CounterResetHint, Counts, MAX_BUCKETS, MAX_SPANS, Span,
};
use model::metrics::{Metadata, MetricType, is_stale_nan};
use model::{Histogram, Labels, LabelsBuilder};

use super::super::chunk::absolute;
use super::super::file::{f64_be, u64_be};
use crate::bytes::{Cursor, Malformed};

/// What a record holds, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Series,
    Samples,
    Tombstones,
    Metadata,
    Histograms {
        float: bool,
    },
    /// With start timestamps, which are read over.
    SamplesV2,
    HistogramsV2 {
        float: bool,
    },
    /// Exemplars and marks of where chunks are: of no use here.
    Other,
}

/// A record taken apart. Series are named by numbers of the head.
pub(in super::super) struct Record<'a> {
    pub(in super::super) kind: Kind,
    cursor: Cursor<'a>,
}

impl<'a> Record<'a> {
    /// `None`: a kind that no version writes yet.
    pub(in super::super) fn new(bytes: &'a [u8]) -> Option<Record<'a>> {
        let mut cursor = Cursor::new(bytes);
        let kind = match cursor.u8().ok()? {
            1 => Kind::Series,
            2 => Kind::Samples,
            3 => Kind::Tombstones,
            4 | 5 => Kind::Other,
            6 => Kind::Metadata,
            // Those with custom buckets have numbers of their own, and the same form.
            7 | 9 => Kind::Histograms { float: false },
            8 | 10 => Kind::Histograms { float: true },
            11 => Kind::SamplesV2,
            12 => Kind::HistogramsV2 { float: false },
            13 => Kind::HistogramsV2 { float: true },
            _ => return None,
        };
        Some(Record { kind, cursor })
    }

    pub(in super::super) fn series(mut self, mut each: impl FnMut(u64, Labels)) -> Result<(), Malformed> {
        while !self.cursor.is_empty() {
            let reference = u64_be(&mut self.cursor)?;
            let mut builder = LabelsBuilder::default();
            for _ in 0..self.cursor.count()? {
                let name = self.cursor.text()?;
                builder.set(name, self.cursor.text()?);
            }
            each(reference, builder.build());
        }
        Ok(())
    }

    pub(in super::super) fn tombstones(
        mut self,
        mut each: impl FnMut(u64, i64, i64),
    ) -> Result<(), Malformed> {
        while !self.cursor.is_empty() {
            let reference = u64_be(&mut self.cursor)?;
            each(reference, self.cursor.signed()?, self.cursor.signed()?);
        }
        Ok(())
    }

    pub(in super::super) fn metadata(mut self, mut each: impl FnMut(u64, Metadata)) -> Result<(), Malformed> {
        while !self.cursor.is_empty() {
            let reference = self.cursor.varint()?;
            let mut metadata = Metadata {
                metric_type: metric_type(self.cursor.u8()?),
                ..Metadata::default()
            };
            for _ in 0..self.cursor.count()? {
                match (self.cursor.text()?, self.cursor.text()?) {
                    ("UNIT", unit) => metadata.unit = unit.to_owned(),
                    ("HELP", help) => metadata.help = help.to_owned(),
                    _ => {}
                }
            }
            each(reference, metadata);
        }
        Ok(())
    }

    pub(in super::super) fn samples(mut self, mut each: impl FnMut(u64, i64, f64)) -> Result<(), Malformed> {
        let mut places = Places::new(self.kind == Kind::SamplesV2);
        while !self.cursor.is_empty() {
            if let Some((reference, time)) = places.next(&mut self.cursor)? {
                each(reference, time, f64_be(&mut self.cursor)?);
            }
        }
        Ok(())
    }

    pub(in super::super) fn histograms(
        mut self,
        float: bool,
        mut each: impl FnMut(u64, i64, Arc<Histogram>),
    ) -> Result<(), Malformed> {
        let mut places = Places::new(matches!(self.kind, Kind::HistogramsV2 { .. }));
        while !self.cursor.is_empty() {
            if let Some((reference, time)) = places.next(&mut self.cursor)? {
                each(reference, time, Arc::new(histogram(&mut self.cursor, float)?));
            }
        }
        Ok(())
    }
}

/// Which series, and when: as differences, in two ways.
struct Places {
    v2: bool,
    /// Version 1: what all differ from. Version 2: the last series and the first time.
    base: Option<(u64, i64)>,
}

impl Places {
    fn new(v2: bool) -> Places {
        Places { v2, base: None }
    }

    /// The next place; `None` where only the base was there.
    fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<(u64, i64)>, Malformed> {
        let Some((reference, time)) = self.base else {
            return self.first(cursor);
        };
        let reference = reference.wrapping_add_signed(cursor.signed()?);
        let at = time.wrapping_add(cursor.signed()?);
        if self.v2 {
            self.base = Some((reference, time));
            // Start timestamp: 0 none, 1 the last one, else a difference follows.
            if cursor.u8()? > 1 {
                cursor.signed()?;
            }
        }
        Ok(Some((reference, at)))
    }

    fn first(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<(u64, i64)>, Malformed> {
        if self.v2 {
            let place = (cursor.signed()? as u64, cursor.signed()?);
            cursor.signed()?;
            self.base = Some(place);
            return Ok(Some(place));
        }
        self.base = Some((u64_be(cursor)?, u64_be(cursor)? as i64));
        Ok(None)
    }
}

fn metric_type(number: u8) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}

fn histogram(cursor: &mut Cursor<'_>, float: bool) -> Result<Histogram, Malformed> {
    let reset_hint = CounterResetHint::from_u8(cursor.u8()?).ok_or(Malformed)?;
    let schema = i8::try_from(cursor.signed()?).map_err(|_| Malformed)?;
    let zero_threshold = f64_be(cursor)?;
    let mut floats = Buckets::<f64>::default();
    let mut wholes = Buckets::<u64>::default();
    if float {
        (floats.zero_count, floats.count) = (f64_be(cursor)?, f64_be(cursor)?);
    } else {
        (wholes.zero_count, wholes.count) = (cursor.varint()?, cursor.varint()?);
    }
    let sum = f64_be(cursor)?;
    let (positive_spans, negative_spans) = (spans(cursor)?, spans(cursor)?);
    let counts = if float {
        (floats.positive, floats.negative) = (list(cursor, f64_be)?, list(cursor, f64_be)?);
        Counts::Float(floats)
    } else {
        wholes.positive = absolute(list(cursor, Cursor::signed)?.into_iter())?;
        wholes.negative = absolute(list(cursor, Cursor::signed)?.into_iter())?;
        Counts::Integer(wholes)
    };
    let custom_values = if schema == CUSTOM_BUCKETS_SCHEMA {
        list(cursor, f64_be)?
    } else {
        Vec::new()
    };
    if is_stale_nan(sum) {
        return Ok(Histogram::stale());
    }
    Ok(Histogram {
        schema,
        reset_hint,
        zero_threshold,
        sum,
        positive_spans,
        negative_spans,
        custom_values,
        counts,
    })
}

fn spans(cursor: &mut Cursor<'_>) -> Result<Vec<Span>, Malformed> {
    let count = cursor.count()?;
    if count > MAX_SPANS {
        return Err(Malformed);
    }
    let span = |cursor: &mut Cursor<'_>| {
        Ok(Span {
            offset: i32::try_from(cursor.signed()?).map_err(|_| Malformed)?,
            length: cursor.u32_varint()?,
        })
    };
    (0..count).map(|_| span(cursor)).collect()
}

fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    each: impl Fn(&mut Cursor<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = cursor.count()?;
    if count > MAX_BUCKETS {
        return Err(Malformed);
    }
    (0..count).map(|_| each(cursor)).collect()
}
