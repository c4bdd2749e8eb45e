//! What earlier processes left of a log, generation by generation.

use std::collections::BTreeMap;
use std::path::Path;

use super::segment_path;
use crate::frame::Frame;
use crate::log::{MAGIC, replay_segment};
use crate::{DurableError, Fs, Recovery};

/// One generation as it lies on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its number; a later one is higher.
    pub number: u64,
    /// Number and bytes of each of its segments, in order.
    pub segments: Vec<(u64, u64)>,
}

/// The generations in `dir`, the oldest first.
///
/// # Errors
/// The disk refused.
pub fn generations(fs: &dyn Fs, dir: &Path) -> Result<Vec<Generation>, DurableError> {
    let entries = fs.list(dir).map_err(|e| DurableError::io("list", dir, e))?;
    let mut found: BTreeMap<u64, Vec<(u64, u64)>> = BTreeMap::new();
    for entry in entries {
        let numbers = entry
            .name
            .strip_suffix(".log")
            .and_then(|name| name.split_once('-'));
        let Some((generation, segment)) = numbers else {
            continue;
        };
        if let (Ok(generation), Ok(segment)) = (generation.parse(), segment.parse()) {
            found.entry(generation).or_default().push((segment, entry.len));
        }
    }
    let generations = found.into_iter().map(|(number, mut segments)| {
        segments.sort_unstable();
        Generation { number, segments }
    });
    Ok(generations.collect())
}

impl Generation {
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Hands every record in order to `replay`, up to the first that does not check out: what follows may build on
    /// what is missing. `begun` hears of each segment before it is read. Memory: one segment.
    ///
    /// # Errors
    /// The disk refused. Damage is no error: see [`Recovery::damage`].
    pub fn replay(
        &self,
        fs: &dyn Fs,
        dir: &Path,
        mut begun: impl FnMut(u64),
        mut replay: impl FnMut(Frame<'_>),
    ) -> Result<Recovery, DurableError> {
        let mut recovery = Recovery::default();
        for (i, &(segment, _)) in self.segments.iter().enumerate() {
            begun(segment);
            let path = segment_path(dir, self.number, segment);
            let bytes = fs.read(&path).map_err(|e| DurableError::io("read", &path, e))?;
            let replayed = replay_segment(segment, &bytes, &mut recovery, &mut |_, frame| replay(frame));
            let rest = self.segments.get(i + 1..).unwrap_or_default();
            let (good, why) = match replayed {
                (good, Some(why)) => (good, why),
                (good, None) if good < MAGIC.len() && !rest.is_empty() => (good, "cut short".to_owned()),
                (_, None) => continue,
            };
            let behind: u64 = rest.iter().map(|(_, bytes)| bytes).sum();
            let left = (bytes.len() - good) as u64 + behind;
            if good == 0 && bytes.len() >= MAGIC.len() {
                // Perhaps of a newer version: nothing here may remove it.
                let aside = path.with_extension("log.unknown");
                fs.rename(&path, &aside)
                    .map_err(|e| DurableError::io("rename", &path, e))?;
            }
            recovery.damage.push(format!(
                "{}: {why} at byte {good}, {left} bytes from there on are left out",
                path.display()
            ));
            break;
        }
        Ok(recovery)
    }

    /// Removes its files, the last one first, so that what a crash leaves of it is a beginning without gaps.
    ///
    /// # Errors
    /// The disk refused; some files may be gone.
    pub fn remove(&self, fs: &dyn Fs, dir: &Path) -> Result<(), DurableError> {
        for &(segment, _) in self.segments.iter().rev() {
            let path = segment_path(dir, self.number, segment);
            if fs.exists(&path) {
                fs.remove_file(&path)
                    .map_err(|e| DurableError::io("remove", &path, e))?;
            }
        }
        Ok(())
    }
}
