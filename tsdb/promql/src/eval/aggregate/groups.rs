//! Which series go together, and the fold over them.

use model::Labels;
use model::labels::METRIC_NAME;
use rustc_hash::FxHashMap;

use super::super::stream::{Item, SERIES_BYTES, Stream};
use super::super::{Evaluator, Frame, Series};
use super::{Accumulator, Fold, Member};
use crate::QueryError;
use crate::ast::{Aggregate, Grouping};

/// What makes a group, names sorted.
pub(super) struct Grouped {
    by: bool,
    names: Vec<String>,
}

/// Stands between the texts of a key; no text of a label has this byte.
const BETWEEN: u8 = 0xff;

impl Grouped {
    pub(super) fn new(grouping: &Grouping) -> Grouped {
        let (by, names) = match grouping {
            Grouping::By(names) => (true, names),
            Grouping::Without(names) => (false, names),
        };
        let mut names = names.clone();
        names.sort_unstable();
        names.dedup();
        Grouped { by, names }
    }

    /// Whether all series are in one group, whatever their labels.
    pub(super) fn is_single(&self) -> bool {
        self.by && self.names.is_empty()
    }

    fn lists(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    /// Sets `key` to bytes that are the same for all series of a group and for no others.
    pub(super) fn key(&self, labels: &Labels, key: &mut Vec<u8>) {
        key.clear();
        if self.by {
            for name in &self.names {
                key.extend_from_slice(labels.get(name).unwrap_or("").as_bytes());
                key.push(BETWEEN);
            }
            return;
        }
        for (name, value) in labels
            .iter()
            .filter(|(name, _)| *name != METRIC_NAME && !self.lists(name))
        {
            key.extend_from_slice(name.as_bytes());
            key.push(BETWEEN);
            key.extend_from_slice(value.as_bytes());
            key.push(BETWEEN);
        }
    }

    /// The labels that a series' group has.
    pub(super) fn labels(&self, labels: &Labels) -> Labels {
        if self.is_single() {
            return Labels::empty();
        }
        if self.by {
            labels.filtered(|name| self.lists(name))
        } else {
            labels.filtered(|name| name != METRIC_NAME && !self.lists(name))
        }
    }
}

/// The series of one group so far.
pub(super) struct Group<A> {
    key: Box<[u8]>,
    pub(super) labels: Labels,
    pub(super) drop_name: bool,
    pub(super) members: A,
}

/// Groups in the order of their first series.
pub(super) struct Groups<A> {
    index: FxHashMap<Box<[u8]>, usize>,
    pub(super) groups: Vec<Group<A>>,
    key: Vec<u8>,
}

impl<A> Default for Groups<A> {
    fn default() -> Groups<A> {
        Groups {
            index: FxHashMap::default(),
            groups: Vec::new(),
            key: Vec::new(),
        }
    }
}

impl<A: Accumulator> Groups<A> {
    fn push(&mut self, grouped: &Grouped, fold: &Fold<'_>, item: &mut Item<'_>) -> Result<(), QueryError> {
        let labels = if grouped.is_single() {
            Labels::empty()
        } else {
            item.labels()?
        };
        grouped.key(&labels, &mut self.key);
        let at = match self.index.get(&*self.key) {
            Some(at) => *at,
            None => {
                let members = A::new(fold);
                fold.budget.hold_bytes(members.bytes() + SERIES_BYTES)?;
                self.add(Group {
                    key: self.key.as_slice().into(),
                    labels: grouped.labels(&labels),
                    drop_name: false,
                    members,
                })
            }
        };
        if let Some(group) = self.groups.get_mut(at) {
            group.drop_name |= item.drop_name();
            let index = item.index;
            let mut column = std::mem::take(&mut *item.column);
            let name = || {
                item.labels()
                    .map(|l| l.metric_name().to_owned())
                    .unwrap_or_default()
            };
            group.members.push(
                fold,
                Member {
                    index,
                    column: &mut column,
                    name: &name,
                },
            )?;
            *item.column = column;
        }
        Ok(())
    }

    fn add(&mut self, group: Group<A>) -> usize {
        let at = self.groups.len();
        self.index.insert(group.key.clone(), at);
        self.groups.push(group);
        at
    }

    /// Takes the groups of the series that follow.
    fn merge(&mut self, fold: &Fold<'_>, later: Groups<A>) -> Result<(), QueryError> {
        for group in later.groups {
            match self.index.get(&group.key).and_then(|at| self.groups.get_mut(*at)) {
                Some(into) => {
                    into.drop_name |= group.drop_name;
                    let bytes = group.members.bytes() + SERIES_BYTES;
                    into.members.merge(fold, group.members);
                    fold.budget.give_back_bytes(bytes);
                }
                None => {
                    self.add(group);
                }
            }
        }
        fold.budget.check()
    }
}

impl Evaluator<'_> {
    /// The groups of the aggregated expression.
    pub(super) fn groups<A: Accumulator>(
        &self,
        stream: Stream<'_>,
        grouping: &Grouping,
        fold: &Fold<'_>,
    ) -> Result<Vec<Group<A>>, QueryError> {
        let grouped = Grouped::new(grouping);
        let mut all: Option<Groups<A>> = None;
        self.drive(
            stream,
            Groups::default,
            |groups: &mut Groups<A>, mut item| groups.push(&grouped, fold, &mut item),
            |groups| {
                match &mut all {
                    Some(all) => all.merge(fold, groups)?,
                    None => all = Some(groups),
                }
                Ok(())
            },
        )?;
        Ok(all.map(|all| all.groups).unwrap_or_default())
    }

    /// One series for each group.
    pub(super) fn fold<A: Accumulator>(
        &self,
        aggregate: &Aggregate,
        fold: &Fold<'_>,
    ) -> Result<Frame, QueryError> {
        let stream = self.stream(&aggregate.expr, fold.steps)?;
        let groups = self.groups::<A>(stream, &aggregate.grouping, fold)?;
        let series = groups.into_iter().map(|group| Series {
            labels: group.labels,
            drop_name: group.drop_name,
            column: group.members.finish(fold),
        });
        Ok(series.filter(|s| !s.column.is_empty()).collect())
    }
}
