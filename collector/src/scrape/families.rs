//! What families say of themselves, each text once in memory however many targets say it.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use model::metrics::Metadata;
use parking_lot::Mutex;
use rustc_hash::FxHashSet;

/// The table is searched for texts that no target says any more when it has grown to this, and then to twice what was
/// left.
const FIRST_SWEEP: usize = 1024;

/// A family and what it says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Family {
    /// Its name.
    pub name: Box<str>,
    /// What it says.
    pub metadata: Metadata,
}

impl Hash for Family {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.metadata.help.hash(state);
    }
}

/// The families that targets share.
#[derive(Debug, Default)]
pub struct Families {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    families: FxHashSet<Arc<Family>>,
    sweep_at: usize,
}

impl Families {
    /// The one copy of a family.
    pub(super) fn shared(&self, family: Family) -> Arc<Family> {
        let mut table = self.table.lock();
        if let Some(known) = table.families.get(&family) {
            return known.clone();
        }
        if table.families.len() >= table.sweep_at.max(FIRST_SWEEP) {
            table.families.retain(|family| Arc::strong_count(family) > 1);
            table.families.shrink_to_fit();
            table.sweep_at = table.families.len() * 2;
        }
        let family = Arc::new(family);
        table.families.insert(family.clone());
        family
    }
}

/// The metadata of each family by name. Where a page speaks of a family in several places, each says what the others
/// do not.
pub(super) fn by_name(families: &[Arc<Family>]) -> Vec<(String, Metadata)> {
    let mut all: BTreeMap<&str, Metadata> = BTreeMap::new();
    for family in families {
        let known = all.entry(&family.name).or_default();
        let said = &family.metadata;
        if said.metric_type != Default::default() {
            known.metric_type = said.metric_type;
        }
        if !said.help.is_empty() {
            known.help.clone_from(&said.help);
        }
        if !said.unit.is_empty() {
            known.unit.clone_from(&said.unit);
        }
    }
    all.into_iter()
        .map(|(name, metadata)| (name.to_owned(), metadata))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &str, help: &str) -> Family {
        let metadata = Metadata {
            help: help.to_owned(),
            ..Metadata::default()
        };
        Family {
            name: name.into(),
            metadata,
        }
    }

    #[test]
    fn equal_families_are_one_and_unused_ones_go() {
        let families = Families::default();
        let kept = families.shared(family("a", "x"));
        assert!(Arc::ptr_eq(&kept, &families.shared(family("a", "x"))));
        assert!(!Arc::ptr_eq(&kept, &families.shared(family("a", "y"))));
        for i in 0..10 * FIRST_SWEEP {
            families.shared(family("b", &i.to_string()));
        }
        assert!(families.table.lock().families.len() <= FIRST_SWEEP);
        assert!(Arc::ptr_eq(&kept, &families.shared(family("a", "x"))));
    }

    #[test]
    fn what_is_said_in_several_places_comes_together() {
        let mut typed = family("a", "");
        typed.metadata.metric_type = model::metrics::MetricType::Counter;
        let all = by_name(&[
            Arc::new(family("b", "y")),
            Arc::new(family("a", "x")),
            Arc::new(typed.clone()),
        ]);
        typed.metadata.help = "x".to_owned();
        assert_eq!(all[0], ("a".to_owned(), typed.metadata));
        assert_eq!(all[1].0, "b");
    }
}
