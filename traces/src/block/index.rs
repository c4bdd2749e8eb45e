//! The index of a block: what it holds and where. Kept in memory while the block is open.

use std::collections::BTreeSet;

use model::spans::{Operation, TraceId};

use crate::codec::wire::{Reader, put_len, put_text, put_uvarint, put_zigzag};
use crate::codec::{Bounds, CodecError};
use crate::head::Catalogue;

/// Where a part of the file lies, its frame included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

/// What a block holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Index {
    /// When it was written, milliseconds since the epoch.
    pub(crate) created_ms: i64,
    /// Everything in the log before this segment is in this or an older block.
    pub(crate) log_segment: u64,
    /// How many spans.
    pub(crate) spans: u64,
    pub(crate) bounds: Bounds,
    pub(crate) groups: Vec<Group>,
    pub(crate) pages: Vec<Page>,
    pub(crate) catalogue: Catalogue,
}

/// A run of traces compressed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) place: Place,
    pub(crate) filter: Place,
    pub(crate) bounds: Bounds,
}

/// A page of the trace table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// The smallest trace id in it.
    pub(crate) first: TraceId,
    pub(crate) place: Place,
}

impl Default for Index {
    fn default() -> Self {
        Index {
            created_ms: 0,
            log_segment: 0,
            spans: 0,
            bounds: Bounds::NONE,
            groups: Vec::new(),
            pages: Vec::new(),
            catalogue: Catalogue::new(),
        }
    }
}

impl Index {
    /// The bytes of the index.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_zigzag(&mut out, self.created_ms);
        put_uvarint(&mut out, self.log_segment);
        put_uvarint(&mut out, self.spans);
        put_len(&mut out, self.groups.len());
        for group in &self.groups {
            put_place(&mut out, group.place);
            put_place(&mut out, group.filter);
            put_bounds(&mut out, &group.bounds);
        }
        put_len(&mut out, self.pages.len());
        for page in &self.pages {
            out.extend_from_slice(&page.first.0.to_be_bytes());
            put_place(&mut out, page.place);
        }
        put_len(&mut out, self.catalogue.len());
        for (service, operations) in &self.catalogue {
            put_text(&mut out, service);
            put_len(&mut out, operations.len());
            for operation in operations {
                put_text(&mut out, &operation.name);
                put_text(&mut out, &operation.kind);
            }
        }
        out
    }

    /// Reads an index. The bounds of the block follow from those of its groups.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Index, CodecError> {
        let mut reader = Reader::new(bytes);
        let mut index = Index {
            created_ms: reader.zigzag()?,
            log_segment: reader.uvarint()?,
            spans: reader.uvarint()?,
            ..Index::default()
        };
        for _ in 0..reader.count()? {
            let group = Group {
                place: read_place(&mut reader)?,
                filter: read_place(&mut reader)?,
                bounds: read_bounds(&mut reader)?,
            };
            index
                .bounds
                .add(group.bounds.min_start_ns, group.bounds.min_duration_ns);
            index
                .bounds
                .add(group.bounds.max_start_ns, group.bounds.max_duration_ns);
            index.groups.push(group);
        }
        for _ in 0..reader.count()? {
            let first = TraceId(u128::from_be_bytes(reader.array()?));
            index.pages.push(Page {
                first,
                place: read_place(&mut reader)?,
            });
        }
        for _ in 0..reader.count()? {
            let service = reader.text()?.to_owned();
            let mut operations = BTreeSet::new();
            for _ in 0..reader.count()? {
                let name = reader.text()?.to_owned();
                operations.insert(Operation {
                    name,
                    kind: reader.text()?.to_owned(),
                });
            }
            index.catalogue.insert(service, operations);
        }
        reader.end()?;
        Ok(index)
    }
}

fn put_place(out: &mut Vec<u8>, place: Place) {
    put_uvarint(out, place.offset);
    put_uvarint(out, place.len.into());
}

fn read_place(reader: &mut Reader<'_>) -> Result<Place, CodecError> {
    Ok(Place {
        offset: reader.uvarint()?,
        len: reader.uvarint32()?,
    })
}

fn put_bounds(out: &mut Vec<u8>, bounds: &Bounds) {
    put_zigzag(out, bounds.min_start_ns);
    put_zigzag(out, bounds.max_start_ns);
    put_zigzag(out, bounds.min_duration_ns);
    put_zigzag(out, bounds.max_duration_ns);
}

fn read_bounds(reader: &mut Reader<'_>) -> Result<Bounds, CodecError> {
    Ok(Bounds {
        min_start_ns: reader.zigzag()?,
        max_start_ns: reader.zigzag()?,
        min_duration_ns: reader.zigzag()?,
        max_duration_ns: reader.zigzag()?,
    })
}
