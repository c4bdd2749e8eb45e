//! The routing tree: which receivers an alert concerns, and how it is grouped for each.
//!
//! Pure. The tree is flat (nodes name their children by number) and shared by reference count; matching walks
//! the nodes whose parents matched, each costing its matchers.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Labels;

use crate::matchers::Matchers;

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Every label: each alert is a group of its own.
    All,
    /// These, sorted; none puts all alerts of the route into one group.
    Names(Vec<String>),
}

/// What a node says about its groups, with everything inherited filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteOptions {
    /// Who is told.
    pub receiver: Arc<str>,
    /// Which labels make a group.
    pub group_by: GroupBy,
    /// How long the first notification of a group waits for more alerts, in milliseconds.
    pub group_wait_ms: i64,
    /// How often a group looks for changes, in milliseconds.
    pub group_interval_ms: i64,
    /// After how long an unchanged group is told again, in milliseconds.
    pub repeat_interval_ms: i64,
    /// Names of times in which nothing is told.
    pub mute_time_intervals: Vec<String>,
    /// Names of times outside which nothing is told; none means always.
    pub active_time_intervals: Vec<String>,
    /// Labels for templates, whose values are templates themselves.
    pub labels: BTreeMap<String, String>,
}

/// Alertmanager's defaults.
impl Default for RouteOptions {
    fn default() -> Self {
        RouteOptions {
            receiver: Arc::from(""),
            group_by: GroupBy::Names(Vec::new()),
            group_wait_ms: 30_000,
            group_interval_ms: 5 * 60_000,
            repeat_interval_ms: 4 * 3_600_000,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}

impl RouteOptions {
    /// The labels of the group that an alert with `labels` belongs to.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Names(names) => {
                labels.filtered(|name| names.binary_search_by(|n| (**n).cmp(name)).is_ok())
            }
        }
    }
}

/// A node.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its number in the tree; 0 is the root.
    pub id: usize,
    /// The matchers on the way from the root, joined by `/`; the first half of a group key.
    pub key: Arc<str>,
    /// Which alerts it takes.
    pub matchers: Matchers,
    /// Whether the siblings behind it are asked although it matched.
    pub continues: bool,
    /// What it says about its groups.
    pub options: Arc<RouteOptions>,
    children: Vec<usize>,
}

/// A routing tree.
#[derive(Debug, Clone)]
pub struct Tree {
    routes: Vec<Route>,
}

impl Tree {
    /// The node with a number.
    pub fn get(&self, id: usize) -> Option<&Route> {
        self.routes.get(id)
    }

    /// Every node, parents before children.
    pub fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.routes.iter()
    }

    /// The nodes that an alert ends up in: the deepest that match, the first of several siblings unless it
    /// continues. At least the root, which matches everything.
    pub fn matching(&self, labels: &Labels) -> Vec<&Route> {
        let mut found = Vec::new();
        if let Some(root) = self.routes.first() {
            self.descend(root, labels, &mut found);
        }
        found
    }

    fn descend<'a>(&'a self, route: &'a Route, labels: &Labels, found: &mut Vec<&'a Route>) -> bool {
        if !route.matchers.matches(labels) {
            return false;
        }
        let before = found.len();
        for child in route.children.iter().filter_map(|id| self.routes.get(*id)) {
            if self.descend(child, labels, found) && !child.continues {
                break;
            }
        }
        if found.len() == before {
            found.push(route);
        }
        true
    }
}

/// Collects nodes into a tree, parents before children.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    routes: Vec<Route>,
}

impl TreeBuilder {
    /// Adds a node below `parent` and gives its number.
    pub fn add(
        &mut self,
        parent: Option<usize>,
        matchers: Matchers,
        continues: bool,
        options: RouteOptions,
    ) -> usize {
        let id = self.routes.len();
        let key = match parent.and_then(|parent| self.routes.get_mut(parent)) {
            Some(parent) => {
                parent.children.push(id);
                format!("{}/{matchers}", parent.key)
            }
            None => matchers.to_string(),
        };
        let options = Arc::new(options);
        self.routes.push(Route {
            id,
            key: key.into(),
            matchers,
            continues,
            options,
            children: Vec::new(),
        });
        id
    }

    /// The finished tree.
    pub fn build(self) -> Tree {
        Tree { routes: self.routes }
    }
}

#[cfg(test)]
mod tests;
