//! A file system that fails when told to.

use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{DirEntry, Fs, ReadFile, SyncFile, WriteFile};

/// Wraps another file system; the n-th changing call from now fails, once or for good.
///
/// Changing calls are create, append, write, sync, truncate, rename, link, remove, `create_dir_all` and `sync_dir`. A
/// write that fails leaves the first half of its bytes behind, as a full disk does.
#[derive(Clone)]
pub struct FaultyFs {
    inner: Arc<dyn Fs>,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    calls: u64,
    fail_at: Option<u64>,
    forever: bool,
    kind: Option<io::ErrorKind>,
    no_handles: bool,
    /// The state of a xorshift generator, 0 for no dawdling.
    dawdling: u64,
}

/// A call that dawdles goes round in circles fewer times than this, some ten microseconds.
const MAX_CIRCLES: u64 = 4096;
/// One of so many gives the processor up as well, which costs much where many wait for it.
const YIELD_EVERY: u64 = 32;

impl FaultyFs {
    /// A file system that does not fail until told to.
    pub fn new(inner: Arc<dyn Fs>) -> Self {
        FaultyFs {
            inner,
            plan: Arc::default(),
        }
    }

    /// Lets the `nth` changing call from now (0: the next) fail with `kind`; `forever`: all after it too.
    pub fn fail(&self, nth: u64, kind: io::ErrorKind, forever: bool) {
        let mut plan = self.plan.lock();
        plan.fail_at = Some(plan.calls + nth);
        plan.forever = forever;
        plan.kind = Some(kind);
    }

    /// Lets every changing call take its time first, differently for every seed: threads then meet in ways in which they
    /// seldom do by themselves.
    pub fn dawdle(&self, seed: u64) {
        self.plan.lock().dawdling = seed | 1;
    }

    /// Ends all failing.
    pub fn heal(&self) {
        let mut plan = self.plan.lock();
        plan.fail_at = None;
        plan.no_handles = false;
    }

    /// From now on nothing can be opened, as in a process that has as many files open as it may.
    pub fn exhaust_handles(&self) {
        self.plan.lock().no_handles = true;
    }

    fn check_handles(&self) -> io::Result<()> {
        match self.plan.lock().no_handles {
            true => Err(io::Error::from_raw_os_error(24)),
            false => Ok(()),
        }
    }

    /// How many changing calls were made so far: what a test iterates over.
    pub fn calls(&self) -> u64 {
        self.plan.lock().calls
    }

    fn check(&self) -> io::Result<()> {
        let circles = self.plan.lock().circles();
        (0..circles).for_each(|_| std::hint::spin_loop());
        if circles % YIELD_EVERY == 1 {
            std::thread::yield_now();
        }
        let mut plan = self.plan.lock();
        let call = plan.calls;
        plan.calls += 1;
        let fails = plan
            .fail_at
            .is_some_and(|at| call == at || (plan.forever && call > at));
        match plan.kind.filter(|_| fails) {
            Some(kind) => Err(io::Error::from(kind)),
            None => Ok(()),
        }
    }
}

impl Plan {
    fn circles(&mut self) -> u64 {
        self.dawdling ^= self.dawdling << 13;
        self.dawdling ^= self.dawdling >> 7;
        self.dawdling ^= self.dawdling << 17;
        self.dawdling % MAX_CIRCLES
    }
}

struct Writer {
    fs: FaultyFs,
    inner: Box<dyn WriteFile>,
}

impl WriteFile for Writer {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.fs.check() {
            self.inner.write_all(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.inner.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.fs.check()?;
        self.inner.sync()
    }

    fn syncer(&self) -> io::Result<Box<dyn SyncFile>> {
        self.fs.check_handles()?;
        Ok(Box::new(Syncer {
            fs: self.fs.clone(),
            inner: self.inner.syncer()?,
        }))
    }
}

struct Syncer {
    fs: FaultyFs,
    inner: Box<dyn SyncFile>,
}

impl SyncFile for Syncer {
    fn sync(&self) -> io::Result<()> {
        self.fs.check()?;
        self.inner.sync()
    }
}

impl Fs for FaultyFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.check()?;
        self.check_handles()?;
        Ok(Box::new(Writer {
            fs: self.clone(),
            inner: self.inner.create(path)?,
        }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        self.check()?;
        self.check_handles()?;
        Ok(Box::new(Writer {
            fs: self.clone(),
            inner: self.inner.append(path)?,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        self.check_handles()?;
        self.inner.open(path)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.check()?;
        self.inner.truncate(path, len)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        self.inner.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check()?;
        self.inner.hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        self.inner.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        self.inner.remove_dir_all(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.check()?;
        self.inner.create_dir_all(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.inner.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.check()?;
        self.check_handles()?;
        self.inner.sync_dir(dir)
    }

    fn exists(&self, path: &Path) -> bool {
        self.inner.exists(path)
    }
}
