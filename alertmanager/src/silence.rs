//! Silences: people's word that some alerts are not to be told for a while.
//!
//! Pure. A silence is never deleted at once: expired ones stay for [`RETENTION_MS`] so that one can see who
//! silenced what. Costs: asking which silences mute an alert goes through those in force, each costing its
//! matchers.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use model::Labels;

use crate::matchers::{Matchers, is_valid_label_name};

/// How long an expired silence is kept.
pub const RETENTION_MS: i64 = 120 * 3_600_000;
/// How many silences there can be, expired ones included.
pub const MAX_SILENCES: usize = 100_000;
/// How many bytes the texts of one silence can have together.
pub const MAX_SILENCE_BYTES: usize = 64 * 1024;

/// Alerts that match are not told from one time to another. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// A UUID.
    pub id: String,
    /// Which alerts.
    pub matchers: Matchers,
    /// From when.
    pub starts_at_ms: i64,
    /// Until when.
    pub ends_at_ms: i64,
    /// When it was last changed.
    pub updated_at_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Further information.
    pub annotations: BTreeMap<String, String>,
}

/// Where a silence stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceState {
    /// It begins later.
    Pending,
    /// It mutes.
    Active,
    /// It is over.
    Expired,
}

impl SilenceState {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            SilenceState::Pending => "pending",
            SilenceState::Active => "active",
            SilenceState::Expired => "expired",
        }
    }
}

impl Silence {
    /// Its state at `now_ms`.
    pub fn state(&self, now_ms: i64) -> SilenceState {
        if now_ms < self.starts_at_ms {
            SilenceState::Pending
        } else if now_ms < self.ends_at_ms {
            SilenceState::Active
        } else {
            SilenceState::Expired
        }
    }
}

/// A silence as somebody asks for it.
#[derive(Debug, Clone)]
pub struct NewSilence {
    /// The silence to change, or `None` for a new one.
    pub id: Option<String>,
    /// Which alerts.
    pub matchers: Matchers,
    /// From when; the past counts as now.
    pub starts_at_ms: i64,
    /// Until when.
    pub ends_at_ms: i64,
    /// Who asks.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// Further information.
    pub annotations: BTreeMap<String, String>,
}

/// Why a silence is not made, changed or ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is none with this id (HTTP 404).
    #[error("silence {0} not found")]
    NotFound(String),
    /// It says something impossible (HTTP 400).
    #[error("{0}")]
    Invalid(String),
    /// There are too many (HTTP 400).
    #[error("exceeded maximum number of silences: {MAX_SILENCES}")]
    TooMany,
    /// It could not be made durable; it is in force until the process ends (HTTP 500).
    #[error("silence is not stored durably: {0}")]
    NotStored(String),
}

/// All silences.
#[derive(Debug, Default)]
pub struct Silences {
    by_id: HashMap<String, Arc<Silence>>,
}

impl Silences {
    /// The silences as they were kept.
    pub fn restore(silences: impl IntoIterator<Item = Silence>) -> Silences {
        let by_id = silences
            .into_iter()
            .map(|silence| (silence.id.clone(), Arc::new(silence)))
            .collect();
        Silences { by_id }
    }

    /// All of them, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.by_id.values()
    }

    /// The silence with an id.
    pub fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.by_id.get(id)
    }

    /// The ids of the silences that mute an alert with `labels` at `now_ms`, sorted.
    pub fn silenced_by(&self, labels: &Labels, now_ms: i64) -> Vec<String> {
        let mutes = |s: &&Arc<Silence>| s.state(now_ms) == SilenceState::Active && s.matchers.matches(labels);
        let mut ids: Vec<String> = self.by_id.values().filter(mutes).map(|s| s.id.clone()).collect();
        ids.sort();
        ids
    }

    /// Makes a silence, or changes one; gives its id. A change that would rewrite history (other matchers, another
    /// start of one in force, anything of an expired one) ends the old silence and makes a new one.
    ///
    /// # Errors
    /// What is asked for is impossible, there is no silence of that id, or there are too many.
    pub fn set(&mut self, asked: NewSilence, now_ms: i64) -> Result<String, SilenceError> {
        check(&asked, now_ms)?;
        let previous = match &asked.id {
            Some(id) => Some(
                self.by_id
                    .get(id)
                    .cloned()
                    .ok_or_else(|| SilenceError::NotFound(id.clone()))?,
            ),
            None => None,
        };
        let in_place = previous.filter(|previous| can_change(previous, &asked, now_ms));
        if in_place.is_none() && self.by_id.len() >= MAX_SILENCES {
            return Err(SilenceError::TooMany);
        }
        let (id, starts_at_ms) = match in_place {
            Some(previous) => (previous.id.clone(), asked.starts_at_ms),
            None => {
                if let Some(id) = &asked.id {
                    self.end(id, now_ms);
                }
                (new_id(), asked.starts_at_ms.max(now_ms))
            }
        };
        let silence = Silence {
            id: id.clone(),
            matchers: asked.matchers,
            starts_at_ms,
            ends_at_ms: asked.ends_at_ms,
            updated_at_ms: now_ms,
            created_by: asked.created_by,
            comment: asked.comment,
            annotations: asked.annotations,
        };
        self.by_id.insert(id.clone(), Arc::new(silence));
        Ok(id)
    }

    /// Ends a silence now.
    ///
    /// # Errors
    /// There is none of that id, or it is over already.
    pub fn expire(&mut self, id: &str, now_ms: i64) -> Result<(), SilenceError> {
        let silence = self
            .by_id
            .get(id)
            .ok_or_else(|| SilenceError::NotFound(id.to_owned()))?;
        if silence.state(now_ms) == SilenceState::Expired {
            return Err(SilenceError::Invalid(format!("silence {id} already expired")));
        }
        self.end(id, now_ms);
        Ok(())
    }

    fn end(&mut self, id: &str, now_ms: i64) {
        if let Some(silence) = self
            .by_id
            .get_mut(id)
            .filter(|s| s.state(now_ms) != SilenceState::Expired)
        {
            let silence = Arc::make_mut(silence);
            silence.starts_at_ms = silence.starts_at_ms.min(now_ms);
            silence.ends_at_ms = now_ms;
            silence.updated_at_ms = now_ms;
        }
    }

    /// Forgets silences that ended more than [`RETENTION_MS`] ago; says whether there was any.
    pub fn collect(&mut self, now_ms: i64) -> bool {
        let before = self.by_id.len();
        self.by_id
            .retain(|_, silence| silence.ends_at_ms.saturating_add(RETENTION_MS) > now_ms);
        self.by_id.len() != before
    }
}

fn check(asked: &NewSilence, now_ms: i64) -> Result<(), SilenceError> {
    let invalid = |message: &str| Err(SilenceError::Invalid(message.to_owned()));
    if asked.matchers.is_empty() {
        return invalid("invalid silence: at least one matcher required");
    }
    if let Some(bad) = asked
        .matchers
        .iter()
        .find(|matcher| !is_valid_label_name(&matcher.name))
    {
        return invalid(&format!("invalid silence: invalid label name \"{}\"", bad.name));
    }
    if asked.matchers.iter().all(model::Matcher::matches_empty) {
        return invalid("invalid silence: at least one matcher must not match the empty string");
    }
    if asked.ends_at_ms <= asked.starts_at_ms {
        return invalid("start time must be before end time");
    }
    if asked.ends_at_ms <= now_ms {
        return invalid("end time can't be in the past");
    }
    let of_matchers = asked
        .matchers
        .iter()
        .map(|m| m.name.len() + m.value.len())
        .sum::<usize>();
    let of_notes = asked
        .annotations
        .iter()
        .map(|(k, v)| k.len() + v.len())
        .sum::<usize>();
    if of_matchers + of_notes + asked.created_by.len() + asked.comment.len() > MAX_SILENCE_BYTES {
        return invalid(&format!(
            "silence exceeded maximum size: {MAX_SILENCE_BYTES} bytes"
        ));
    }
    Ok(())
}

fn can_change(previous: &Silence, asked: &NewSilence, now_ms: i64) -> bool {
    if previous.matchers != asked.matchers {
        return false;
    }
    match previous.state(now_ms) {
        // Clients send whole seconds or whole milliseconds back; the start is the same within a second.
        SilenceState::Active => asked.starts_at_ms.div_euclid(1000) == previous.starts_at_ms.div_euclid(1000),
        SilenceState::Pending => asked.starts_at_ms >= now_ms,
        SilenceState::Expired => false,
    }
}

/// A random UUID (RFC 9562, version 4). Its bits come from the keys that the standard library draws from the
/// operating system for hash maps; ids only have to differ, they guard nothing.
fn new_id() -> String {
    let (high, low) = (
        RandomState::new().hash_one(0_u8),
        RandomState::new().hash_one(1_u8),
    );
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests;
