//! Upkeep: cutting the head into blocks and deleting days. Called at intervals by the owner, from any thread.
//!
//! A cut goes: seal the head (appends go on in a new one) → blocks, synced → manifest → index → the query's view
//! changes in one step → the log's segments go. It can fail after any of these and be tried again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::StoreError;

use super::{Logs, Maintenance, Sealed};
use crate::day::{Day, lines_path};
use crate::head::Head;
use crate::manifest::{self, Manifest};
use crate::retention::DayBytes;
use crate::{block, compact, error, lines, retention};

impl Logs {
    /// Does what is due: cuts the head where it is large, varied or old enough, deletes days out of the retention.
    /// Cheap where nothing is due; call it every second or so.
    ///
    /// # Errors
    /// The disk failed; nothing is lost, and the next call tries again.
    pub fn maintain(&self) -> Result<(), StoreError> {
        let mut maintenance = self.maintenance.lock();
        // On a full disk cutting fails, and only what retention removes lets it succeed the next time.
        let sealed = if self.head_is_due() { self.seal() } else { Ok(()) };
        let cut = sealed.and_then(|()| self.cut(&mut maintenance));
        self.delete_days(&mut maintenance)?;
        cut
    }

    /// Cuts the head whatever its size.
    ///
    /// # Errors
    /// As for [`Logs::maintain`].
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut maintenance = self.maintenance.lock();
        // One that is left over from a failure goes first, for its lines are older.
        self.cut(&mut maintenance)?;
        self.seal()?;
        self.cut(&mut maintenance)
    }

    fn head_is_due(&self) -> bool {
        let state = self.state.read();
        let old = |since: i64| self.clock.now_ms().saturating_sub(since) >= self.options.head_age_ms;
        // Many streams of a few bytes must not lock out the next ones until the head is old.
        let due = state.head.bytes() >= self.options.head_bytes
            || state.head.stream_count() >= self.options.max_streams.div_ceil(2).max(1)
            || state.head.since_ms().is_some_and(old);
        due && state.sealed.is_none()
    }

    /// Sets the head aside and begins a new one, in a new segment of the log.
    fn seal(&self) -> Result<(), StoreError> {
        let mut wal = self.wal.lock();
        if self.state.read().head.is_empty() {
            return Ok(());
        }
        let segment = wal.log.rotate().map_err(|e| self.wal_failed(&wal, e))?;
        let mut state = self.state.write();
        state.sealed = Some(Arc::new(Sealed {
            head: std::mem::take(&mut state.head),
            end_seq: wal.next_seq,
            segment,
        }));
        Ok(())
    }

    /// Brings the sealed head, if there is one, into blocks.
    fn cut(&self, maintenance: &mut Maintenance) -> Result<(), StoreError> {
        let Some(sealed) = self.state.read().sealed.clone() else {
            return Ok(());
        };
        if let Some(why) = self.poisoned() {
            return Err(StoreError::ReadOnly(why));
        }
        if !maintenance.written {
            let manifest = self
                .write_blocks(&sealed.head, sealed.end_seq, &maintenance.manifest)
                .map_err(|e| self.write_failed(e))?;
            maintenance.manifest = manifest;
            maintenance.written = true;
        }
        let days = self.load_days(&maintenance.manifest)?;
        let mut state = self.state.write();
        state.days = Arc::new(days);
        state.sealed = None;
        drop(state);
        maintenance.written = false;
        self.counters.cuts.add(1);
        let dropped = self.wal.lock().log.drop_before(sealed.segment);
        dropped.map_err(error::from_durable)
    }

    /// Writes and syncs a head's blocks, then publishes the manifest that counts them.
    fn write_blocks(
        &self,
        head: &Head,
        end_seq: u64,
        before: &Manifest,
    ) -> Result<Manifest, durable::DurableError> {
        let mut manifest = before.clone();
        let io = |action, path: &Path, e| durable::DurableError::io(action, path, e);
        let days_dir = self.dir.join("days");
        for (day, blocks) in compact::plan(head, self.options.block_bytes) {
            let committed = manifest.days.get(&day).copied().unwrap_or_default();
            let folder = self.folder(day);
            if committed == 0 {
                self.fs
                    .create_dir_all(&folder)
                    .map_err(|e| io("create", &folder, e))?;
                self.fs
                    .sync_dir(&days_dir)
                    .map_err(|e| io("sync", &days_dir, e))?;
            }
            let encoded = blocks.iter().filter_map(|b| block::encode(b.stream, &b.lines));
            let len = lines::append(&*self.fs, &lines_path(&folder), committed, encoded)?;
            if committed == 0 {
                self.fs.sync_dir(&folder).map_err(|e| io("sync", &folder, e))?;
            }
            manifest.days.insert(day, len);
        }
        manifest.cut_seq = end_seq;
        manifest::publish(&*self.fs, &self.dir.join("manifest"), &manifest)?;
        Ok(manifest)
    }

    /// The days as the manifest counts them; those that did not grow are kept as they are.
    fn load_days(&self, manifest: &Manifest) -> Result<BTreeMap<i64, Arc<Day>>, StoreError> {
        let known = Arc::clone(&self.state.read().days);
        let mut days = BTreeMap::new();
        let mut damaged = |what| self.note_damage(what);
        for (&day, &committed) in &manifest.days {
            let folder = self.folder(day);
            let loaded = match known.get(&day) {
                Some(old) if old.committed == committed => Arc::clone(old),
                Some(old) => self
                    .advance(old, &folder, committed, &mut damaged)
                    .map(Arc::new)?,
                None if self.fs.exists(&lines_path(&folder)) => {
                    let place = self.options.index;
                    Arc::new(Day::open(
                        &*self.fs,
                        &folder,
                        place,
                        day,
                        committed,
                        &mut damaged,
                    )?)
                }
                None => continue,
            };
            days.insert(day, loaded);
        }
        Ok(days)
    }

    /// A day after it grew. An index that fails is opened once more, which makes it anew if it must.
    fn advance(
        &self,
        old: &Day,
        folder: &Path,
        committed: u64,
        damaged: &mut dyn FnMut(String),
    ) -> Result<Day, StoreError> {
        match old.advance(&*self.fs, folder, committed, damaged) {
            Err(StoreError::Corrupt { what, detail }) => {
                damaged(format!("{what}: {detail}"));
                Day::open(&*self.fs, folder, self.options.index, old.day, committed, damaged)
            }
            other => other,
        }
    }

    fn delete_days(&self, maintenance: &mut Maintenance) -> Result<(), StoreError> {
        let days = Arc::clone(&self.state.read().days);
        let sizes: Vec<DayBytes> = days.values().map(|day| DayBytes::from(&**day)).collect();
        let options = &self.options;
        let gone = retention::plan(
            &sizes,
            self.clock.now_ms(),
            options.retention_ms,
            options.retention_bytes,
        );
        if gone.is_empty() || maintenance.written {
            return Ok(());
        }
        let mut manifest = maintenance.manifest.clone();
        manifest.days.retain(|day, _| !gone.contains(day));
        manifest::publish(&*self.fs, &self.dir.join("manifest"), &manifest)
            .map_err(|e| self.write_failed(e))?;
        maintenance.manifest = manifest;
        let mut kept = (*days).clone();
        kept.retain(|day, _| !gone.contains(day));
        self.state.write().days = Arc::new(kept);
        self.counters.deleted_days.add(gone.len() as u64);
        for day in gone {
            // Queries that run on hold the files open; the names can go.
            let folder = self.folder(day);
            self.fs
                .remove_dir_all(&folder)
                .map_err(|e| StoreError::io(format!("remove {}", folder.display()), e))?;
        }
        Ok(())
    }
}
