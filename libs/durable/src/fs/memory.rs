//! A file system in memory that can lose what was not synced, as a power cut does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{DirEntry, Fs, ReadFile, SyncFile, WriteFile};

/// A file system in memory. Clones share the same files. For tests of every store.
#[derive(Clone, Default)]
pub struct MemoryFs(Arc<Mutex<Tree>>);

#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    dirs: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many of `bytes` survive a power cut.
    synced: usize,
}

struct Handle(Arc<Mutex<Content>>);

impl MemoryFs {
    /// An empty file system.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a power cut does: every file falls back to its last synced length. Names stay, the strictest
    /// thing to ask of a reader, who then meets files that are shorter than they should be.
    pub fn power_cut(&self) {
        for content in self.0.lock().files.values() {
            let mut content = content.lock();
            let synced = content.synced;
            content.bytes.truncate(synced);
        }
    }

    /// A copy of what a power cut at this moment would leave, while whoever writes goes on.
    pub fn after_power_cut(&self) -> MemoryFs {
        let tree = self.0.lock();
        let survivor = |content: &Arc<Mutex<Content>>| {
            let content = content.lock();
            let bytes = content.bytes.iter().take(content.synced).copied().collect();
            let synced = content.synced;
            Arc::new(Mutex::new(Content { bytes, synced }))
        };
        let files = tree.files.iter().map(|(path, c)| (path.clone(), survivor(c)));
        MemoryFs(Arc::new(Mutex::new(Tree {
            files: files.collect(),
            dirs: tree.dirs.clone(),
        })))
    }

    /// Flips one bit of a file, as a bad disk does.
    ///
    /// # Errors
    /// There is no such file or byte.
    pub fn flip_bit(&self, path: &Path, bit: usize) -> io::Result<()> {
        let content = self.content(path)?;
        let mut content = content.lock();
        let byte = content.bytes.get_mut(bit / 8).ok_or_else(not_found)?;
        *byte ^= 1 << (bit % 8);
        Ok(())
    }

    fn content(&self, path: &Path) -> io::Result<Arc<Mutex<Content>>> {
        self.0.lock().files.get(path).cloned().ok_or_else(not_found)
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl WriteFile for Handle {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut content = self.0.lock();
        content.synced = content.bytes.len();
        Ok(())
    }

    fn syncer(&self) -> io::Result<Box<dyn SyncFile>> {
        Ok(Box::new(Handle(Arc::clone(&self.0))))
    }
}

impl SyncFile for Handle {
    fn sync(&self) -> io::Result<()> {
        let mut content = self.0.lock();
        content.synced = content.bytes.len();
        Ok(())
    }
}

impl ReadFile for Handle {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let content = self.0.lock();
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.saturating_add(buf.len());
        let from = content
            .bytes
            .get(start..end)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(from);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().bytes.len() as u64)
    }
}

impl Fs for MemoryFs {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let mut tree = self.0.lock();
        if !path
            .parent()
            .is_none_or(|dir| dir.as_os_str().is_empty() || tree.dirs.contains(dir))
        {
            return Err(not_found());
        }
        let content = Arc::<Mutex<Content>>::default();
        tree.files.insert(path.to_owned(), Arc::clone(&content));
        Ok(Box::new(Handle(content)))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        match self.content(path) {
            Ok(content) => Ok(Box::new(Handle(content))),
            Err(_) => self.create(path),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        Ok(Arc::new(Handle(self.content(path)?)))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let content = self.content(path)?;
        let mut content = content.lock();
        content
            .bytes
            .truncate(usize::try_from(len).map_err(io::Error::other)?);
        content.synced = content.bytes.len();
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.0.lock();
        if let Some(content) = tree.files.remove(from) {
            tree.files.insert(to.to_owned(), content);
            return Ok(());
        }
        if !tree.dirs.contains(from) {
            return Err(not_found());
        }
        let moved = |path: &PathBuf| path.strip_prefix(from).ok().map(|rest| to.join(rest));
        let dirs = std::mem::take(&mut tree.dirs);
        tree.dirs = dirs.into_iter().map(|dir| moved(&dir).unwrap_or(dir)).collect();
        let files = std::mem::take(&mut tree.files);
        tree.files = files
            .into_iter()
            .map(|(path, c)| (moved(&path).unwrap_or(path), c))
            .collect();
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut tree = self.0.lock();
        let content = tree.files.get(from).cloned().ok_or_else(not_found)?;
        if !to.parent().is_none_or(|dir| tree.dirs.contains(dir)) {
            return Err(not_found());
        }
        if tree.files.contains_key(to) || tree.dirs.contains(to) {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        tree.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.0.lock().files.remove(path).map(|_| ()).ok_or_else(not_found)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.0.lock();
        if !tree.dirs.contains(path) {
            return Err(not_found());
        }
        tree.dirs.retain(|dir| !dir.starts_with(path));
        tree.files.retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut tree = self.0.lock();
        tree.dirs.extend(
            path.ancestors()
                .filter(|p| !p.as_os_str().is_empty())
                .map(Path::to_owned),
        );
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let tree = self.0.lock();
        if !tree.dirs.contains(dir) {
            return Err(not_found());
        }
        let name = |path: &Path| {
            path.file_name()
                .map(|n| n.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let dirs = tree.dirs.iter().filter(|d| d.parent() == Some(dir));
        let files = tree.files.iter().filter(|(f, _)| f.parent() == Some(dir));
        let mut entries: Vec<DirEntry> = dirs
            .map(|d| DirEntry {
                name: name(d),
                is_dir: true,
                len: 0,
            })
            .collect();
        entries.extend(files.map(|(path, content)| DirEntry {
            name: name(path),
            is_dir: false,
            len: content.lock().bytes.len() as u64,
        }));
        entries.sort();
        Ok(entries)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.0.lock().dirs.contains(dir) {
            Ok(())
        } else {
            Err(not_found())
        }
    }

    fn exists(&self, path: &Path) -> bool {
        let tree = self.0.lock();
        tree.files.contains_key(path) || tree.dirs.contains(path)
    }
}
