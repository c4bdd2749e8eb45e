//! The targets of one job: what discovery said, what is dropped, and a running loop for each of the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::{Labels, LabelsBuilder};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::client::Client;
use super::status::LastScrape;
use super::worker::{Command, Spec, Surroundings, Worker};
use crate::config::ScrapeJob;
use crate::discovery::TargetGroup;
use crate::target::{Populated, Target, TargetKey, populate};

/// How many dropped targets a pool remembers where the job says nothing.
const MAX_DROPPED: usize = 10_000;

/// A loop that runs.
pub(super) struct Running {
    pub(super) spec: Arc<Spec>,
    pub(super) last: Arc<Mutex<LastScrape>>,
    commands: watch::Sender<Command>,
    task: JoinHandle<()>,
}

/// A target that cannot be scraped, shown so that somebody notices.
pub(super) struct Unusable {
    pub(super) discovered_labels: Labels,
    pub(super) error: String,
}

/// What one target group became.
#[derive(Default)]
struct Group {
    raw: TargetGroup,
    targets: Vec<Target>,
    dropped: Vec<Labels>,
    unusable: Vec<(Labels, String)>,
}

/// Identifies a group: the discoverer that found it and its own name.
type GroupKey = (u64, Box<str>);

pub(super) struct Pool {
    pub(super) job: Arc<ScrapeJob>,
    client: Client,
    around: Surroundings,
    groups: BTreeMap<GroupKey, Group>,
    /// The discoverers that are part of the job.
    discoverers: Vec<u64>,
    /// Those among them that have not said anything yet. Until they have, what their predecessors found
    /// stays: a reload must not interrupt targets that are only found anew.
    awaited: Vec<u64>,
    pub(super) running: HashMap<TargetKey, Running>,
    /// Loops that have been told to end, until they have.
    ending: Vec<JoinHandle<()>>,
}

impl Pool {
    pub(super) fn new(job: Arc<ScrapeJob>, client: Client, around: Surroundings) -> Pool {
        Pool {
            job,
            client,
            around,
            groups: BTreeMap::new(),
            discoverers: Vec::new(),
            awaited: Vec::new(),
            running: HashMap::new(),
            ending: Vec::new(),
        }
    }

    /// Takes what a discoverer found: each group replaces the one of the same name, an empty one removes it.
    /// [`Pool::sync`] then brings it into effect.
    pub(super) fn update(&mut self, discoverer: u64, groups: Vec<TargetGroup>) {
        if !self.discoverers.contains(&discoverer) {
            // A last word from one that has been stopped.
            return;
        }
        self.awaited.retain(|id| *id != discoverer);
        for group in groups {
            let key = (discoverer, group.source.as_str().into());
            if group.targets.is_empty() {
                self.groups.remove(&key);
            } else {
                self.groups.insert(key, evaluate(&self.job, group));
            }
        }
    }

    /// Sets which discoverers the job has, and which of them are new and will speak later.
    pub(super) fn set_discoverers(&mut self, all: Vec<u64>, fresh: &[u64]) {
        self.awaited.retain(|id| all.contains(id));
        self.awaited.extend(fresh);
        self.discoverers = all;
    }

    /// Goes on under another configuration. Targets that stay the same targets keep their loops.
    pub(super) fn reconfigure(&mut self, job: Arc<ScrapeJob>, client: Client) {
        self.job = job;
        self.client = client;
        let groups = std::mem::take(&mut self.groups);
        let evaluate = |(key, group): (GroupKey, Group)| (key, evaluate(&self.job, group.raw));
        self.groups = groups.into_iter().map(evaluate).collect();
    }

    /// Makes the running loops those of the targets.
    pub(super) fn sync(&mut self) {
        if self.awaited.is_empty() {
            let discoverers = &self.discoverers;
            self.groups
                .retain(|(discoverer, _), _| discoverers.contains(discoverer));
        }
        let targets = self.groups.values().flat_map(|group| &group.targets);
        let wanted: HashMap<TargetKey, &Target> = targets.map(|target| (target.key(), target)).collect();
        let (limit, count) = (self.job.target_limit, wanted.len());
        let forced_error = (limit > 0 && count as u64 > limit)
            .then(|| format!("target_limit exceeded (number of targets: {count}, limit: {limit})"));
        let gone: Vec<TargetKey> = self
            .running
            .keys()
            .filter(|key| !wanted.contains_key(key))
            .cloned()
            .collect();
        self.ending.retain(|task| !task.is_finished());
        for (key, target) in wanted {
            let spec = || {
                let (job, client) = (self.job.clone(), self.client.clone());
                Arc::new(Spec {
                    job,
                    client,
                    target: target.clone(),
                    forced_error: forced_error.clone(),
                })
            };
            match self.running.get_mut(&key) {
                Some(running) if unchanged(&running.spec, &self.job, target, forced_error.as_deref()) => {}
                Some(running) => {
                    running.spec = spec();
                    running.commands.send_replace(Command::Run(running.spec.clone()));
                }
                None => {
                    let running = start(spec(), &self.around);
                    self.running.insert(key, running);
                }
            }
        }
        for running in gone.into_iter().filter_map(|key| self.running.remove(&key)) {
            running.commands.send_replace(Command::End);
            self.ending.push(running.task);
        }
    }

    /// The targets that rules dropped, a bounded number, and how many there are.
    pub(super) fn dropped(&self) -> (Vec<Labels>, usize) {
        let all = || self.groups.values().flat_map(|group| &group.dropped);
        let keep = match usize::try_from(self.job.keep_dropped_targets) {
            Ok(0) | Err(_) => MAX_DROPPED,
            Ok(keep) => keep.min(MAX_DROPPED),
        };
        (all().take(keep).cloned().collect(), all().count())
    }

    pub(super) fn unusable(&self) -> impl Iterator<Item = Unusable> + '_ {
        let all = self.groups.values().flat_map(|group| &group.unusable);
        all.map(|(labels, error)| Unusable {
            discovered_labels: labels.clone(),
            error: error.clone(),
        })
    }

    /// Tells every loop to end, with staleness markers or without, and gives what is to be waited for.
    pub(super) fn close(mut self, markers: bool) -> Vec<JoinHandle<()>> {
        for (_, running) in self.running.drain() {
            running
                .commands
                .send_replace(if markers { Command::End } else { Command::Stop });
            self.ending.push(running.task);
        }
        self.ending
    }
}

fn unchanged(spec: &Spec, job: &Arc<ScrapeJob>, target: &Target, forced_error: Option<&str>) -> bool {
    Arc::ptr_eq(&spec.job, job) && spec.target == *target && spec.forced_error.as_deref() == forced_error
}

fn start(spec: Arc<Spec>, around: &Surroundings) -> Running {
    let (commands, receiver) = watch::channel(Command::Run(spec.clone()));
    let last = Arc::new(Mutex::new(LastScrape::default()));
    let worker = Worker::new(around.clone(), &spec.target, receiver, last.clone());
    Running {
        spec,
        last,
        commands,
        task: tokio::spawn(worker.run()),
    }
}

fn evaluate(job: &ScrapeJob, raw: TargetGroup) -> Group {
    let mut group = Group::default();
    for target in &raw.targets {
        let mut labels = LabelsBuilder::default();
        for (name, value) in raw.labels.iter().chain(target) {
            labels.set(name, value);
        }
        match populate(job, labels) {
            Populated::Target(target) => group.targets.push(*target),
            Populated::Dropped(labels) => group.dropped.push(labels),
            Populated::Invalid(labels, error) => {
                tracing::warn!(job = job.job_name, %error, labels = %labels, "a target cannot be scraped");
                group.unusable.push((labels, error));
            }
        }
    }
    group.raw = raw;
    group
}
