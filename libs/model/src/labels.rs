//! Label sets: sorted, immutable, cheap to clone.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

/// The label that holds the name of a metric.
pub const METRIC_NAME: &str = "__name__";

/// A set of label pairs sorted by name, each name once, no empty value.
///
/// All text lies in one allocation behind one reference count, so a clone costs an increment. Equality,
/// order and hash are those of the sequence of pairs; the order is Prometheus' (pair by pair, name first).
#[derive(Clone)]
pub struct Labels(Arc<Inner>);

struct Inner {
    /// name, value, name, value, …, with nothing in between.
    text: Box<str>,
    /// Where each piece of `text` ends.
    ends: Box<[u32]>,
    hash: u64,
}

impl Labels {
    /// The empty set.
    pub fn empty() -> Self {
        Self::from_sorted::<&str, &str>(&[])
    }

    /// Builds a set from pairs in any order. Pairs with an empty value are dropped (to Prometheus an empty
    /// value is an absent label); of several pairs with the same name the last wins.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Builds a set from pairs that are sorted by name already, each name once, no value empty: for stores that
    /// keep them so. Two allocations.
    pub fn from_sorted<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Self {
        let len = pairs
            .iter()
            .map(|(n, v)| n.as_ref().len() + v.as_ref().len())
            .sum();
        let mut text = String::with_capacity(len);
        let mut ends = Vec::with_capacity(pairs.len() * 2);
        for (name, value) in pairs {
            text.push_str(name.as_ref());
            ends.push(clamp(text.len()));
            text.push_str(value.as_ref());
            ends.push(clamp(text.len()));
        }
        let mut hash = xxh3_64(text.as_bytes());
        for end in &ends {
            hash = (hash.rotate_left(5) ^ u64::from(*end)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        Labels(Arc::new(Inner {
            text: text.into_boxed_str(),
            ends: ends.into_boxed_slice(),
            hash,
        }))
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.ends.len() / 2
    }

    /// Whether there is no pair at all.
    pub fn is_empty(&self) -> bool {
        self.0.ends.is_empty()
    }

    /// Bytes of all names and values together.
    pub fn text_len(&self) -> usize {
        self.0.text.len()
    }

    /// The pairs in order of name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone + '_ {
        (0..self.len()).map(|i| (self.piece(2 * i), self.piece(2 * i + 1)))
    }

    fn piece(&self, i: usize) -> &str {
        let start = if i == 0 { 0 } else { self.0.ends[i - 1] as usize };
        &self.0.text[start..self.0.ends[i] as usize]
    }

    /// The value of `name`, or `None` where the set has no such label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = usize::midpoint(low, high);
            match self.piece(2 * mid).cmp(name) {
                Ordering::Equal => return Some(self.piece(2 * mid + 1)),
                Ordering::Less => low = mid + 1,
                Ordering::Greater => high = mid,
            }
        }
        None
    }

    /// The metric's name, or "" where there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// A hash of the whole set, computed once when it was built. Stable within a version of Masthead only:
    /// never written to disk.
    pub fn hash64(&self) -> u64 {
        self.0.hash
    }

    /// A builder that starts from this set.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder {
            pairs: self.iter().map(|(n, v)| (n.into(), v.into())).collect(),
        }
    }

    /// The set without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Labels {
        self.filtered(|name| name != METRIC_NAME)
    }

    /// The pairs whose name `keep` accepts.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Labels {
        if self.iter().all(|(n, _)| keep(n)) {
            return self.clone();
        }
        let kept: Vec<(&str, &str)> = self.iter().filter(|(n, _)| keep(n)).collect();
        Labels::from_sorted(&kept)
    }
}

/// `u32` offsets bound a label set at 4 GiB of text; every decoder bounds it far below that.
fn clamp(len: usize) -> u32 {
    u32::try_from(len).expect("decoders bound a label set far below 4 GiB")
}

impl Default for Labels {
    fn default() -> Self {
        Labels::empty()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.hash == other.0.hash && self.0.ends == other.0.ends && self.0.text == other.0.text)
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

/// `{__name__="up", job="x"}` as `up{job="x"}`, values quoted as Go's `%q` would for printable text.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric_name())?;
        if !self.metric_name().is_empty() && self.len() == 1 {
            return Ok(());
        }
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().filter(|(n, _)| *n != METRIC_NAME).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            if is_legacy_label_name(name) {
                write!(f, "{comma}{name}={value:?}")?;
            } else {
                write!(f, "{comma}{name:?}={value:?}")?;
            }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `name` is a label name that needs no quotes: `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_legacy_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `name` is a metric name that needs no quotes: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_legacy_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// A label set under construction: set and delete in any order, then [`LabelsBuilder::build`].
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(Box<str>, Box<str>)>,
}

impl LabelsBuilder {
    /// Sets `name` to `value`; an empty value deletes the label.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        match self.pairs.iter().position(|(n, _)| &**n == name) {
            Some(i) if value.is_empty() => drop(self.pairs.remove(i)),
            Some(i) => self.pairs[i].1 = value.into(),
            None if value.is_empty() => {}
            None => self.pairs.push((name.into(), value.into())),
        }
        self
    }

    /// Removes `name`.
    pub fn del(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| &**n != name);
        self
    }

    /// The value set for `name`, if any.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| &**n == name).map(|(_, v)| &**v)
    }

    /// The pairs as they stand, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (&**n, &**v))
    }

    /// The finished set; the builder can go on.
    pub fn build(&self) -> Labels {
        let mut pairs: Vec<(&str, &str)> = self.iter().collect();
        pairs.sort_unstable();
        Labels::from_sorted(&pairs)
    }
}

#[cfg(test)]
mod tests;
