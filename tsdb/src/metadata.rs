//! What metric families say of themselves, kept over restarts.
//!
//! All of it is in memory, bounded in families and in bytes; where there is no more room the families that were set
//! longest ago make it. The file is written whole, when asked and only if something changed: losing the last minute of
//! it to a crash costs nothing, since scrapes bring it again. Format: docs/format/metadata.md.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use durable::{Fs, publish_file};
use model::StoreError;
use model::metrics::Metadata;
use parking_lot::Mutex;

use crate::error::{from_durable, io};

/// Families remembered.
pub const MAX_FAMILIES: usize = 100_000;

/// Bytes of name, help and unit of one family; what is larger is not remembered.
pub const MAX_FAMILY_BYTES: usize = 4096;

/// Bytes of name, help and unit over all families.
pub const MAX_BYTES: usize = 16 << 20;

/// The families of a store. Share it behind an `Arc`.
pub struct Families {
    fs: Arc<dyn Fs>,
    path: PathBuf,
    known: Mutex<Known>,
    /// Held while the file is written.
    saving: Mutex<()>,
}

#[derive(Default)]
struct Known {
    families: HashMap<Arc<str>, (u64, Metadata)>,
    /// Which was set when; the first one was set longest ago.
    order: BTreeMap<u64, Arc<str>>,
    next: u64,
    bytes: usize,
    changed: bool,
}

impl Families {
    /// Reads the file at `path`, which need not exist. One that does not check out is renamed to end in `.unknown`,
    /// with a warning, and nothing is known.
    ///
    /// # Errors
    /// The disk refused.
    pub fn open(fs: Arc<dyn Fs>, path: &Path) -> Result<Families, StoreError> {
        let mut known = Known::default();
        if fs.exists(path) {
            let bytes = fs.read(path).map_err(|e| io("read", path, e))?;
            match file::decode(&bytes) {
                Ok(families) => families
                    .iter()
                    .for_each(|(family, metadata)| known.set(family, metadata)),
                Err(why) => {
                    let aside = path.with_extension("unknown");
                    tracing::warn!(path = %path.display(), aside = %aside.display(), %why, "metadata of families set aside");
                    fs.rename(path, &aside).map_err(|e| io("rename", path, e))?;
                }
            }
        }
        known.changed = false;
        Ok(Families {
            fs,
            path: path.to_owned(),
            known: Mutex::new(known),
            saving: Mutex::new(()),
        })
    }

    /// Remembers what a family says of itself.
    pub fn set(&self, family: &str, metadata: &Metadata) {
        self.known.lock().set(family, metadata);
    }

    /// All families by name.
    pub fn all(&self) -> Vec<(String, Metadata)> {
        let known = self.known.lock();
        let mut all: Vec<(String, Metadata)> = known
            .families
            .iter()
            .map(|(family, (_, metadata))| (family.to_string(), metadata.clone()))
            .collect();
        drop(known);
        all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        all
    }

    /// What one family says of itself.
    pub fn get(&self, family: &str) -> Option<Metadata> {
        self.known
            .lock()
            .families
            .get(family)
            .map(|(_, metadata)| metadata.clone())
    }

    /// Writes the file if something changed since it was written. To be called now and then, and at the end.
    ///
    /// # Errors
    /// The disk refused; the file is as it was, and the next call tries again.
    pub fn save(&self) -> Result<(), StoreError> {
        let _saving = self.saving.lock();
        let bytes = {
            let mut known = self.known.lock();
            if !known.changed {
                return Ok(());
            }
            known.changed = false;
            file::encode(known.in_order())
        };
        publish_file(&*self.fs, &self.path, &bytes).map_err(|error| {
            self.known.lock().changed = true;
            from_durable(error)
        })
    }
}

impl Known {
    fn set(&mut self, family: &str, metadata: &Metadata) {
        let bytes = size(family, metadata);
        if bytes > MAX_FAMILY_BYTES {
            return;
        }
        if self
            .families
            .get(family)
            .is_some_and(|(_, known)| known == metadata)
        {
            return;
        }
        self.forget(family);
        while self.families.len() >= MAX_FAMILIES || self.bytes + bytes > MAX_BYTES {
            let Some((_, oldest)) = self.order.first_key_value() else {
                return;
            };
            let oldest = Arc::clone(oldest);
            self.forget(&oldest);
        }
        let name: Arc<str> = family.into();
        self.order.insert(self.next, Arc::clone(&name));
        self.families.insert(name, (self.next, metadata.clone()));
        self.next += 1;
        self.bytes += bytes;
        self.changed = true;
    }

    fn forget(&mut self, family: &str) {
        if let Some((at, metadata)) = self.families.remove(family) {
            self.order.remove(&at);
            self.bytes -= size(family, &metadata);
            self.changed = true;
        }
    }

    /// The families, the one set longest ago first.
    fn in_order(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        self.order.values().filter_map(|family| {
            let (_, metadata) = self.families.get(family)?;
            Some((&**family, metadata))
        })
    }
}

fn size(family: &str, metadata: &Metadata) -> usize {
    family.len() + metadata.help.len() + metadata.unit.len()
}

#[cfg(test)]
mod tests;
