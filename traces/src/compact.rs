//! The head becomes a block: the log begins a new segment and the head is frozen in the same moment; the block
//! is built and published while new spans go on coming; then the frozen head and the log's older segments go.
//!
//! A crash at any point loses nothing: until the block bears its name the log has it all, and the block says
//! up to which segment it covers the log.

use std::sync::Arc;

use durable::{DurableError, publish_file};
use model::StoreError;

use crate::block::{Block, build};
use crate::error::from_durable;
use crate::head::Head;
use crate::retention;
use crate::stats::Maintenance;
use crate::store::Traces;

impl Traces {
    /// What a timer calls every few seconds: cuts a block when the head is large or old enough, and drops the
    /// blocks that are over age or over the disk budget.
    ///
    /// # Errors
    /// The disk refused. Nothing is lost; the next call tries again.
    pub fn maintain(&self) -> Result<Maintenance, StoreError> {
        let _one_at_a_time = self.maintenance.lock();
        // On a full disk cutting fails, and only what retention removes lets it succeed the next time.
        let cut_spans = if self.cut_is_due() {
            self.cut_block()
        } else {
            Ok(0)
        };
        let dropped_blocks = self.drop_blocks()?;
        Ok(Maintenance {
            cut_spans: cut_spans?,
            dropped_blocks,
        })
    }

    /// Makes a block of what is in memory, whatever its size. Gives the number of spans moved.
    ///
    /// # Errors
    /// As for [`Traces::maintain`].
    pub fn cut(&self) -> Result<u64, StoreError> {
        let _one_at_a_time = self.maintenance.lock();
        self.cut_block()
    }

    fn cut_is_due(&self) -> bool {
        let state = self.state.read();
        state.frozen.is_some()
            || state.head.bytes() >= self.options.head_bytes
            || state.head.age_ms(self.clock.now_ms()) >= self.options.head_ms
    }

    fn cut_block(&self) -> Result<u64, StoreError> {
        let Some((head, segment)) = self.freeze()? else {
            return Ok(0);
        };
        let id = self.state.read().next_id;
        let bytes = build::build(&head, self.clock.now_ms(), segment)?;
        let path = self.blocks_dir.join(Block::file_name(id));
        publish_file(&*self.fs, &path, &bytes).map_err(|error| self.publish_failed(error))?;
        drop(bytes);
        let block = Block::open(&*self.fs, &self.blocks_dir, id)?;
        {
            let mut state = self.state.write();
            state.blocks.push(Arc::new(block));
            state.next_id = id.saturating_add(1);
            state.frozen = None;
        }
        self.log.lock().drop_before(segment).map_err(from_durable)?;
        Ok(head.spans())
    }

    /// The head to make a block of: one that could not be written before, or the present one.
    fn freeze(&self) -> Result<Option<(Arc<Head>, u64)>, StoreError> {
        let mut log = self.log.lock();
        {
            let state = self.state.read();
            if state.frozen.is_some() || state.head.spans() == 0 {
                return Ok(state.frozen.clone());
            }
        }
        let segment = log.rotate().map_err(from_durable)?;
        let mut state = self.state.write();
        let head = Arc::new(std::mem::take(&mut state.head));
        state.frozen = Some((head, segment));
        Ok(state.frozen.clone())
    }

    /// After a failed sync nobody knows what the disk holds: the store takes no more.
    fn publish_failed(&self, error: DurableError) -> StoreError {
        if matches!(&error, DurableError::Io { action: "sync", .. }) {
            self.state.write().poisoned = Some(error.to_string().into());
        }
        from_durable(error)
    }

    fn drop_blocks(&self) -> Result<usize, StoreError> {
        let sizes: Vec<retention::BlockAge> = {
            let state = self.state.read();
            let age = |b: &Arc<Block>| retention::BlockAge {
                created_ms: b.index.created_ms,
                bytes: b.bytes,
            };
            state.blocks.iter().map(age).collect()
        };
        let count = retention::plan(&sizes, self.clock.now_ms(), &self.options);
        for _ in 0..count {
            // Whoever reads the block still has it open; its name goes first, so that a crash between leaves
            // no block behind that was said to be gone.
            let Some(oldest) = self.state.read().blocks.first().cloned() else {
                break;
            };
            let path = self.blocks_dir.join(Block::file_name(oldest.id));
            self.fs
                .remove_file(&path)
                .map_err(|e| from_durable(DurableError::io("remove", &path, e)))?;
            self.state.write().blocks.remove(0);
        }
        Ok(count)
    }
}
