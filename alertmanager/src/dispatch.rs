//! Groups and their timers: when is which group looked at, and with which alerts.
//!
//! Pure: time is an argument, nothing waits. [`Dispatcher::insert`] sorts alerts into groups,
//! [`Dispatcher::plan`] gives the groups whose time has come, [`Dispatcher::finish`] takes back what became of
//! them. Costs: an insertion is a walk of the routing tree and a map entry a matching route; planning touches
//! only the groups that are due.

mod snapshot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::Labels;
use rustc_hash::FxHashMap;

use crate::alert::{Alert, Fingerprint};
use crate::group::group_key;
use crate::route::{Route, RouteOptions, Tree};

/// How long a flush may take however short the group interval is, in milliseconds.
pub const MIN_FLUSH_MS: i64 = 10_000;
/// How many groups there can be.
pub const MAX_GROUPS: usize = 200_000;

/// The number of a group, never used twice by one dispatcher.
pub type GroupId = u64;

/// Alerts that share a route and the labels it groups by.
#[derive(Debug)]
pub struct Group {
    /// How receivers and the notification log know it.
    pub key: Arc<str>,
    /// The route's number in the tree.
    pub route: usize,
    /// What the route says about its groups.
    pub options: Arc<RouteOptions>,
    /// The labels that the alerts share.
    pub labels: Labels,
    /// The alerts, some of which may have ended.
    pub alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    next_flush_ms: i64,
    flushed: bool,
    flushing: bool,
}

/// A group whose time has come, with its alerts frozen: those that fire have no end, so that none ends on the way.
#[derive(Debug, Clone)]
pub struct Flush {
    /// Which group.
    pub group: GroupId,
    /// How receivers and the notification log know it.
    pub key: Arc<str>,
    /// What the route says about its groups.
    pub options: Arc<RouteOptions>,
    /// The labels that the alerts share.
    pub labels: Labels,
    /// The time of the flush, which every decision on the way goes by.
    pub at_ms: i64,
    /// When delivery is given up; the group's next flush tries again.
    pub deadline_ms: i64,
    /// The alerts, in the order they are told.
    pub alerts: Vec<Arc<Alert>>,
    ended: Vec<Arc<Alert>>,
}

impl Flush {
    /// Whether an alert of the group has ended.
    pub fn has_resolved(&self) -> bool {
        !self.ended.is_empty()
    }
}

/// What became of an alert that was to be grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is in every group it belongs to.
    Grouped,
    /// There are [`MAX_GROUPS`] groups already, and none of its own among them.
    TooManyGroups,
}

/// All groups of one routing tree.
#[derive(Debug)]
pub struct Dispatcher {
    tree: Arc<Tree>,
    groups: FxHashMap<GroupId, Group>,
    ids: FxHashMap<(usize, Labels), GroupId>,
    /// Groups that wait, by the time of their next flush. Those being flushed are not among them.
    waiting: BTreeSet<(i64, GroupId)>,
    next_id: GroupId,
}

impl Dispatcher {
    /// A dispatcher without groups.
    pub fn new(tree: Arc<Tree>) -> Dispatcher {
        Dispatcher {
            tree,
            groups: FxHashMap::default(),
            ids: FxHashMap::default(),
            waiting: BTreeSet::new(),
            next_id: 0,
        }
    }

    /// The groups, in no particular order.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// Puts an alert into the groups it belongs to, in place of an older state of it.
    pub fn insert(&mut self, alert: &Arc<Alert>, now_ms: i64) -> Inserted {
        let tree = self.tree.clone();
        let mut result = Inserted::Grouped;
        for route in tree.matching(&alert.labels) {
            if !self.insert_into(route, alert, now_ms) {
                result = Inserted::TooManyGroups;
            }
        }
        result
    }

    fn insert_into(&mut self, route: &Route, alert: &Arc<Alert>, now_ms: i64) -> bool {
        let labels = route.options.group_labels(&alert.labels);
        let Some(id) = self.group_id(route, labels, now_ms) else {
            return false;
        };
        let Some(group) = self.groups.get_mut(&id) else {
            return false;
        };
        group.alerts.insert(alert.fingerprint(), alert.clone());
        // An alert that has waited for longer than the group would is told without further delay, as after a
        // restart.
        let waited = alert.starts_at_ms.saturating_add(group.options.group_wait_ms) < now_ms;
        if !group.flushed && waited && group.next_flush_ms > now_ms {
            self.waiting.remove(&(group.next_flush_ms, id));
            group.next_flush_ms = now_ms;
            self.waiting.insert((now_ms, id));
        }
        true
    }

    fn group_id(&mut self, route: &Route, labels: Labels, now_ms: i64) -> Option<GroupId> {
        if let Some(id) = self.ids.get(&(route.id, labels.clone())) {
            return Some(*id);
        }
        if self.groups.len() >= MAX_GROUPS {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let next_flush_ms = now_ms.saturating_add(route.options.group_wait_ms);
        let group = Group {
            key: group_key(route, &labels).into(),
            route: route.id,
            options: route.options.clone(),
            labels: labels.clone(),
            alerts: BTreeMap::new(),
            next_flush_ms,
            flushed: false,
            flushing: false,
        };
        self.groups.insert(id, group);
        self.ids.insert((route.id, labels), id);
        self.waiting.insert((next_flush_ms, id));
        Some(id)
    }

    /// When the next group is due, in milliseconds since the epoch.
    pub fn next_due_ms(&self) -> Option<i64> {
        self.waiting.first().map(|(at_ms, _)| *at_ms)
    }

    /// The groups whose time has come. Each is out until [`Dispatcher::finish`]; its timer runs on meanwhile.
    pub fn plan(&mut self, now_ms: i64) -> Vec<Flush> {
        let mut flushes = Vec::new();
        while let Some((at_ms, id)) = self
            .waiting
            .first()
            .copied()
            .filter(|(at_ms, _)| *at_ms <= now_ms)
        {
            self.waiting.remove(&(at_ms, id));
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            if group.alerts.is_empty() {
                self.remove(id);
                continue;
            }
            group.flushed = true;
            group.flushing = true;
            group.next_flush_ms = now_ms.saturating_add(group.options.group_interval_ms);
            flushes.push(snapshot::take(id, group, now_ms));
        }
        flushes
    }

    /// Takes a flush back. Alerts that had ended are dropped if everybody concerned was told, unless they have
    /// changed since.
    pub fn finish(&mut self, flush: &Flush, told: bool) {
        let Some(group) = self.groups.get_mut(&flush.group).filter(|group| group.flushing) else {
            return;
        };
        group.flushing = false;
        if told {
            for ended in &flush.ended {
                let fingerprint = ended.fingerprint();
                if group
                    .alerts
                    .get(&fingerprint)
                    .is_some_and(|current| Arc::ptr_eq(current, ended))
                {
                    group.alerts.remove(&fingerprint);
                }
            }
        }
        if group.alerts.is_empty() {
            self.remove(flush.group);
        } else {
            self.waiting.insert((group.next_flush_ms, flush.group));
        }
    }

    fn remove(&mut self, id: GroupId) {
        if let Some(group) = self.groups.remove(&id) {
            self.ids.remove(&(group.route, group.labels.clone()));
            self.waiting.remove(&(group.next_flush_ms, id));
        }
    }
}

#[cfg(test)]
mod tests;
