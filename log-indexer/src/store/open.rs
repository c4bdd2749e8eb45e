//! Opening a store: manifest, days with their indexes, replay of the log; and making a lost manifest anew.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use durable::{Fs, Log, LogOptions};
use model::{Clock, StoreError};
use parking_lot::{Mutex, RwLock};

use super::{Logs, Maintenance, OpenReport, State, Wal};
use crate::block;
use crate::day::{Day, folder_name, lines_path};
use crate::head::Head;
use crate::manifest::{self, Loaded, Manifest};
use crate::options::Options;
use crate::stats::Counters;
use crate::{error, ingest, lines, wal};

/// How large a segment of the log grows; it goes when all its lines are in blocks.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Larger targets would make blocks that a reader takes for corrupt.
const MAX_BLOCK_BYTES: usize = 16 << 20;

impl Logs {
    /// Opens the store in `dir`, created if absent: one process at a time, which the caller sees to. Takes up what a
    /// crash left: acknowledged lines come back from the log, indexes are brought up to the lines files.
    ///
    /// # Errors
    /// The disk refused. Damage is no error: see [`OpenReport::damage`].
    pub fn open(
        fs: Arc<dyn Fs>,
        dir: &Path,
        options: Options,
        clock: Arc<dyn Clock>,
    ) -> Result<(Logs, OpenReport), StoreError> {
        let options = bounded(options);
        let days_dir = dir.join("days");
        fs.create_dir_all(&days_dir)
            .map_err(|e| StoreError::io(format!("create {}", days_dir.display()), e))?;
        let mut damage = Vec::new();
        let (mut manifest, known) = load_manifest(&*fs, dir, &mut damage)?;
        mend_lengths(&*fs, &days_dir, &mut manifest, &mut damage);
        let mut days = BTreeMap::new();
        for (&day, &committed) in &manifest.days {
            let folder = days_dir.join(folder_name(day));
            let mut damaged = |what| damage.push(what);
            let opened = Day::open(&*fs, &folder, options.index, day, committed, &mut damaged)?;
            days.insert(day, Arc::new(opened));
        }
        let replay = replay(&fs, dir, &manifest, known.as_ref(), clock.now_ms())?;
        damage.extend(replay.damage);
        let report = OpenReport {
            replayed: replay.head.lines(),
            damage: damage.clone(),
        };
        let logs = Logs {
            options,
            clock,
            counters: Counters::default(),
            wal: Mutex::new(replay.wal),
            state: RwLock::new(State {
                head: replay.head,
                sealed: None,
                days: Arc::new(days),
            }),
            poisoned_by: Mutex::new(None),
            fs,
            dir: dir.to_owned(),
            maintenance: Mutex::new(Maintenance {
                manifest,
                written: false,
            }),
            damage: Mutex::new(VecDeque::new()),
        };
        damage.into_iter().for_each(|what| logs.note_damage(what));
        if known.is_some() {
            // Only a manifest can tell the next replay what is in blocks already.
            logs.flush()?;
        }
        Ok((logs, report))
    }
}

fn bounded(mut options: Options) -> Options {
    options.block_bytes = options.block_bytes.clamp(1, MAX_BLOCK_BYTES);
    options.max_line_bytes = options.max_line_bytes.min(MAX_BLOCK_BYTES);
    options.max_metadata_bytes = options.max_metadata_bytes.min(MAX_BLOCK_BYTES);
    options
}

/// The manifest and, where it had to be made anew, the numbers of all lines found in blocks.
fn load_manifest(
    fs: &dyn Fs,
    dir: &Path,
    damage: &mut Vec<String>,
) -> Result<(Manifest, Option<HashSet<u64>>), StoreError> {
    let path = dir.join("manifest");
    let loaded = manifest::load(fs, &path).map_err(error::from_durable)?;
    let days_dir = dir.join("days");
    let folders = fs
        .list(&days_dir)
        .map_err(|e| StoreError::io(format!("list {}", days_dir.display()), e))?;
    if let Loaded::Good(manifest) = loaded {
        let kept: HashSet<String> = manifest.days.keys().map(|&day| folder_name(day)).collect();
        for folder in folders.iter().filter(|f| f.is_dir && !kept.contains(&f.name)) {
            let path = days_dir.join(&folder.name);
            fs.remove_dir_all(&path)
                .map_err(|e| StoreError::io(format!("remove {}", path.display()), e))?;
        }
        return Ok((manifest, None));
    }
    if matches!(loaded, Loaded::Absent) && folders.is_empty() {
        // From here on days without a manifest mean that it was lost, not that a first cut was cut short.
        let manifest = Manifest::default();
        manifest::publish(fs, &path, &manifest).map_err(error::from_durable)?;
        return Ok((manifest, None));
    }
    if matches!(loaded, Loaded::Bad) {
        damage.push(format!(
            "{}: does not check out, made anew from the lines",
            path.display()
        ));
    }
    let mut manifest = Manifest::default();
    let mut known = HashSet::new();
    for folder in folders.iter().filter(|f| f.is_dir) {
        salvage(
            fs,
            &days_dir.join(&folder.name),
            &mut manifest,
            &mut known,
            damage,
        );
    }
    let found = !manifest.days.is_empty();
    Ok((manifest, found.then_some(known)))
}

/// Takes up a day without a manifest: all good blocks of its lines file count.
fn salvage(
    fs: &dyn Fs,
    folder: &Path,
    manifest: &mut Manifest,
    known: &mut HashSet<u64>,
    damage: &mut Vec<String>,
) {
    let path = lines_path(folder);
    let Ok((file, len)) = fs.open(&path).and_then(|file| file.len().map(|len| (file, len))) else {
        return;
    };
    let mut day = None;
    let end = lines::scan(
        &*file,
        0,
        len,
        |_, payload| {
            if let Some(block) = block::decode(payload) {
                day = Some(crate::day::day_of(block.header.first_ns));
                known.extend(block.lines().map(|line| line.seq()));
            }
        },
        |what| damage.push(format!("{}: {what}", path.display())),
    );
    if let Some(day) = day {
        manifest.days.insert(day, end);
    }
}

/// Where a lines file is missing or shorter than it should be, counts what is there.
fn mend_lengths(fs: &dyn Fs, days_dir: &Path, manifest: &mut Manifest, damage: &mut Vec<String>) {
    manifest.days.retain(|&day, committed| {
        let path = lines_path(&days_dir.join(folder_name(day)));
        let opened = fs.open(&path).and_then(|file| file.len().map(|len| (file, len)));
        let (file, len) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                damage.push(format!(
                    "{}: {error}; the lines of this day are lost",
                    path.display()
                ));
                return false;
            }
        };
        if len < *committed {
            damage.push(format!(
                "{}: {} bytes are missing at its end",
                path.display(),
                *committed - len
            ));
            let tell = |what| damage.push(format!("{}: {what}", path.display()));
            *committed = lines::scan(&*file, 0, len, |_, _| (), tell);
        }
        *committed > 0
    });
}

struct Replay {
    wal: Wal,
    head: Head,
    damage: Vec<String>,
}

/// Replays the log into a head, leaving out what blocks hold.
fn replay(
    fs: &Arc<dyn Fs>,
    dir: &Path,
    manifest: &Manifest,
    known: Option<&HashSet<u64>>,
    now_ms: i64,
) -> Result<Replay, StoreError> {
    let mut head = Head::default();
    let known_end = known.and_then(|k| k.iter().max()).map_or(0, |max| max + 1);
    let mut next_seq = manifest.cut_seq.max(known_end);
    let mut nonsense = 0u64;
    let options = LogOptions {
        segment_bytes: SEGMENT_BYTES,
    };
    let (log, recovery) = Log::open(Arc::clone(fs), &dir.join("wal"), options, |_, record| {
        let Some(mut batch) = (record.kind == wal::KIND_BATCH)
            .then(|| wal::decode_batch(record.payload))
            .flatten()
        else {
            nonsense += 1;
            return;
        };
        if let Some((_, last)) = batch.last() {
            next_seq = next_seq.max(last.seq + 1);
        }
        batch.retain(|(_, e)| e.seq >= manifest.cut_seq && !known.is_some_and(|k| k.contains(&e.seq)));
        ingest::insert_replayed(&mut head, batch, now_ms);
    })
    .map_err(error::from_durable)?;
    let mut damage = recovery.damage;
    if nonsense > 0 {
        damage.push(format!(
            "write-ahead log: {nonsense} records make no sense and were skipped"
        ));
    }
    Ok(Replay {
        wal: Wal { log, next_seq },
        head,
        damage,
    })
}
