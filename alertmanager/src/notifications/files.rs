//! What a restart must know, on disk: `alerts`, `silences` and `nflog`, three files of one shape.
//!
//! Each file is a sequence of checksummed frames ([`durable::frame`]): a header (kind 0) with the format's name,
//! its version and the time of writing, then one record each (kind 1), all JSON. A file is replaced whole and
//! synced before it bears its name. Silences are on disk before whoever made one has the answer; the other two
//! follow as fast as the disk allows, the alerts before the log, so that a crash between the two repeats a
//! message rather than lose one.

mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use durable::{DurableError, Fs, frame, publish_file};
use model::Clock;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Shared;
use super::alerts::Stored;
use super::core::{Changed, Core, Kept};
use crate::nflog::NotificationLog;
use crate::silence::Silences;
use record::{AlertRecord, Header, LogRecord, SilenceRecord};

/// The version of all three formats.
const VERSION: u32 = 1;
const HEADER: u8 = 0;
const RECORD: u8 = 1;
/// Writing takes at most one part in so many of the time.
const WRITE_SHARE: u32 = 10;
/// How soon a failed write is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The folder and its three files.
pub(super) struct Files {
    fs: Arc<dyn Fs>,
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    /// One writer at a time, so that the newest state is written last.
    writing: Mutex<()>,
}

/// What one pass of writing takes from the state.
#[derive(Default)]
struct Snapshot {
    alerts: Option<Vec<AlertRecord>>,
    silences: Option<Vec<SilenceRecord>>,
    log: Option<Vec<LogRecord>>,
}

impl Files {
    pub(super) fn open(fs: Arc<dyn Fs>, dir: PathBuf, clock: Arc<dyn Clock>) -> Result<Files, DurableError> {
        fs.create_dir_all(&dir)
            .map_err(|e| DurableError::io("create", &dir, e))?;
        Ok(Files {
            fs,
            dir,
            clock,
            writing: Mutex::new(()),
        })
    }

    /// What was kept. A corrupt file is set aside.
    pub(super) fn load(&self, now_ms: i64, resolve_timeout_ms: i64) -> Result<Kept, DurableError> {
        let (written_at_ms, alerts) = self.read::<AlertRecord>("alerts")?;
        let (_, silences) = self.read::<SilenceRecord>("silences")?;
        let (_, log) = self.read::<LogRecord>("nflog")?;
        let restored = |alert: AlertRecord| alert.restore(written_at_ms, now_ms, resolve_timeout_ms);
        let alerts: Vec<Stored> = alerts.into_iter().map(restored).collect();
        Ok(Kept {
            alerts,
            silences: Silences::restore(silences.into_iter().filter_map(SilenceRecord::restore)),
            log: NotificationLog::restore(log.into_iter().map(LogRecord::restore)),
        })
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<(i64, Vec<T>), DurableError> {
        let path = self.dir.join(name);
        if !self.fs.exists(&path) {
            return Ok((0, Vec::new()));
        }
        let bytes = self
            .fs
            .read(&path)
            .map_err(|e| DurableError::io("read", &path, e))?;
        match decode(name, &bytes) {
            Ok(read) => Ok(read),
            Err(reason) => {
                let aside = path.with_extension("corrupt");
                tracing::error!(path = %path.display(), %reason, "state of notifications is corrupt and set aside");
                self.fs
                    .rename(&path, &aside)
                    .map_err(|e| DurableError::io("rename", &aside, e))?;
                Ok((0, Vec::new()))
            }
        }
    }

    /// Writes what changed since the last time.
    pub(super) fn save_changed(&self, core: &Mutex<Core>) -> Result<(), DurableError> {
        let _one_at_a_time = self.writing.lock();
        let (changed, snapshot) = {
            let mut core = core.lock();
            let changed = std::mem::take(&mut core.changed);
            (changed, Snapshot::of(&core, changed))
        };
        self.write(core, changed, &snapshot)
    }

    /// Waits for a write that is under way.
    #[cfg(test)]
    pub(super) fn quiesce(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.writing.lock()
    }

    /// Writes the silences.
    pub(super) fn save_silences(&self, core: &Mutex<Core>) -> Result<(), DurableError> {
        let _one_at_a_time = self.writing.lock();
        let changed = Changed {
            silences: true,
            ..Changed::default()
        };
        let snapshot = {
            let mut core = core.lock();
            core.changed.silences = false;
            Snapshot::of(&core, changed)
        };
        self.write(core, changed, &snapshot)
    }

    fn write(&self, core: &Mutex<Core>, changed: Changed, snapshot: &Snapshot) -> Result<(), DurableError> {
        let written = self
            .publish("alerts", snapshot.alerts.as_deref())
            .and_then(|()| self.publish("silences", snapshot.silences.as_deref()))
            .and_then(|()| self.publish("nflog", snapshot.log.as_deref()));
        if written.is_err() {
            let mut core = core.lock();
            core.changed.alerts |= changed.alerts;
            core.changed.silences |= changed.silences;
            core.changed.log |= changed.log;
        }
        written
    }

    fn publish<T: Serialize>(&self, name: &str, records: Option<&[T]>) -> Result<(), DurableError> {
        let Some(records) = records else { return Ok(()) };
        let path = self.dir.join(name);
        let bytes = encode(name, self.clock.now_ms(), records)
            .map_err(|e| DurableError::io("encode", Path::new(name), std::io::Error::other(e)))?;
        publish_file(&*self.fs, &path, &bytes)
    }
}

impl Snapshot {
    fn of(core: &Core, changed: Changed) -> Snapshot {
        Snapshot {
            alerts: changed
                .alerts
                .then(|| core.alerts.iter().map(AlertRecord::from).collect()),
            silences: changed
                .silences
                .then(|| core.silences.iter().map(|s| SilenceRecord::from(&**s)).collect()),
            log: changed
                .log
                .then(|| core.log.iter().map(LogRecord::from).collect()),
        }
    }
}

fn encode<T: Serialize>(name: &str, at_ms: i64, records: &[T]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    let header = Header {
        format: name.to_owned(),
        version: VERSION,
        written_at_ms: at_ms,
    };
    frame::encode(HEADER, &serde_json::to_vec(&header)?, &mut bytes);
    for record in records {
        frame::encode(RECORD, &serde_json::to_vec(record)?, &mut bytes);
    }
    Ok(bytes)
}

/// The time of writing and the records.
fn decode<T: DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<(i64, Vec<T>), String> {
    let (first, mut at) = frame::decode(bytes)
        .map_err(|e| e.to_string())?
        .ok_or("file is empty")?;
    let header: Header = serde_json::from_slice(first.payload).map_err(|e| e.to_string())?;
    if first.kind != HEADER || header.format != name || header.version != VERSION {
        return Err(format!("not a file of format {name} version {VERSION}"));
    }
    let mut records = Vec::new();
    while let Some(rest) = bytes.get(at..)
        && let Some((next, len)) = frame::decode(rest).map_err(|e| e.to_string())?
    {
        records.push(serde_json::from_slice(next.payload).map_err(|e| e.to_string())?);
        at += len;
    }
    Ok((header.written_at_ms, records))
}

/// Writes what changed until the end.
pub(super) async fn write_loop(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.changed.notified() => {}
        }
        let began = Instant::now();
        let writer = shared.clone();
        let written = tokio::task::spawn_blocking(move || writer.files.save_changed(&writer.core)).await;
        let pause = match written {
            Ok(Ok(())) => began.elapsed().saturating_mul(WRITE_SHARE - 1),
            Ok(Err(error)) => {
                tracing::error!(%error, "state of notifications is not written; a restart may repeat messages");
                shared.changed.notify_one();
                RETRY_AFTER
            }
            Err(_) => return,
        };
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[cfg(test)]
mod tests;
