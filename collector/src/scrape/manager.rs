//! All jobs: starts and stops discovery and pools when the configuration changes, and answers for their state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::exemplar::ExemplarSink;
use model::metrics::MetricSink;
use model::{Clock, Labels};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::client::Client;
use super::families::by_name;
use super::pool::{Pool, Running};
use super::status::{ActiveTarget, DroppedTarget, Health, TargetMetadata, TargetsStatus};
use super::worker::Surroundings;
use crate::config::{Discovery, ScrapeJob};
use crate::discovery::{self, Update};

/// Updates from discovery that may wait for a pool; further ones make the discoverer wait.
const UPDATE_QUEUE: usize = 64;

/// What the server tells its scraper of itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Under which URL this server is reached from elsewhere; for the API's `globalUrl`.
    pub external_url: Option<Url>,
    /// The port that this server listens on.
    pub listen_port: u16,
    /// Different for servers that scrape the same targets, so that they do not do so at the same moment.
    pub offset_seed: u64,
}

/// Why a configuration cannot be applied. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A job's HTTP client cannot be built: a certificate is missing or wrong.
    #[error("job \"{job}\": {reason}")]
    Client {
        /// The job.
        job: String,
        /// What is wrong.
        reason: String,
    },
    /// The manager has been shut down.
    #[error("the scraper has been shut down")]
    Closed,
}

/// Scrapes whatever the configuration says. Needs a tokio runtime; its answers about state do not wait.
pub struct ScrapeManager {
    around: Surroundings,
    options: Options,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<String, Job>,
    next_discoverer: u64,
    closed: bool,
}

/// A job that runs.
struct Job {
    base_dir: PathBuf,
    pool: Arc<Mutex<Option<Pool>>>,
    discoverers: Vec<Discoverer>,
    updates: mpsc::Sender<Update>,
    consumer: JoinHandle<()>,
}

struct Discoverer {
    id: u64,
    config: Discovery,
    task: Option<JoinHandle<()>>,
}

impl Drop for Discoverer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Whether every job's client can be built, certificates included; what [`ScrapeManager::apply`] would refuse.
///
/// # Errors
/// The first that cannot.
pub fn check(jobs: &[ScrapeJob], base_dir: &Path) -> Result<(), Error> {
    jobs.iter().try_for_each(|job| match Client::new(job, base_dir) {
        Ok(_) => Ok(()),
        Err(reason) => Err(Error::Client {
            job: job.job_name.clone(),
            reason,
        }),
    })
}

impl Drop for Job {
    fn drop(&mut self) {
        self.consumer.abort();
    }
}

impl ScrapeManager {
    /// A manager without jobs.
    pub fn new(sink: Arc<dyn MetricSink>, clock: Arc<dyn Clock>, options: Options) -> ScrapeManager {
        let around = Surroundings {
            sink,
            exemplars: None,
            clock,
            offset_seed: options.offset_seed,
            families: Arc::default(),
            buffers: Arc::default(),
            batches: Arc::default(),
        };
        ScrapeManager {
            around,
            options,
            state: Mutex::new(State::default()),
        }
    }

    /// Has the exemplars of pages stored too; without, they are stepped over.
    #[must_use]
    pub fn with_exemplars(mut self, exemplars: Arc<dyn ExemplarSink>) -> ScrapeManager {
        self.around.exemplars = Some(exemplars);
        self
    }

    /// Makes the running jobs those given. Jobs that are the same go on untouched; of changed ones, targets
    /// that stay the same keep their loops. Relative paths are relative to `base_dir`. Must be called within a
    /// tokio runtime; reads certificates.
    ///
    /// # Errors
    /// A client cannot be built, or the manager has been shut down; everything goes on as before then.
    pub fn apply(&self, jobs: Vec<ScrapeJob>, base_dir: &Path) -> Result<(), Error> {
        let client = |job: ScrapeJob| match Client::new(&job, base_dir) {
            Ok(client) => Ok((job, client)),
            Err(reason) => Err(Error::Client {
                job: job.job_name,
                reason,
            }),
        };
        let jobs: Vec<(ScrapeJob, Client)> = jobs.into_iter().map(client).collect::<Result<_, _>>()?;
        let mut state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        let mut old = std::mem::take(&mut state.jobs);
        for (job, client) in jobs {
            let name = job.job_name.clone();
            let running = old.remove(&name);
            let running = self.start_or_change(running, job, client, base_dir, &mut state.next_discoverer);
            state.jobs.insert(name, running);
        }
        for job in old.values() {
            if let Some(pool) = job.pool.lock().take() {
                // The loops write their markers and end by themselves.
                drop(pool.close(true));
            }
        }
        Ok(())
    }

    fn start_or_change(
        &self,
        running: Option<Job>,
        job: ScrapeJob,
        client: Client,
        base_dir: &Path,
        next_discoverer: &mut u64,
    ) -> Job {
        let job = Arc::new(job);
        let mut running = running.unwrap_or_else(|| self.start(&job, &client, base_dir));
        let moved = running.base_dir != base_dir;
        running.base_dir = base_dir.to_owned();
        let mut old = std::mem::take(&mut running.discoverers);
        let mut fresh = Vec::new();
        for config in &job.discovery {
            match old.iter().position(|known| known.config == *config && !moved) {
                Some(at) => running.discoverers.push(old.swap_remove(at)),
                None => {
                    *next_discoverer += 1;
                    let id = *next_discoverer;
                    fresh.push(id);
                    running.discoverers.push(Discoverer {
                        id,
                        config: config.clone(),
                        task: None,
                    });
                }
            }
        }
        drop(old);
        let ids: Vec<u64> = running.discoverers.iter().map(|d| d.id).collect();
        if let Some(pool) = running.pool.lock().as_mut() {
            pool.set_discoverers(ids, &fresh);
            if *pool.job != *job || moved {
                pool.reconfigure(job, client);
            }
            for discoverer in running.discoverers.iter_mut().filter(|d| fresh.contains(&d.id)) {
                discoverer.begin(pool, base_dir, &running.updates);
            }
            pool.sync();
        }
        running
    }

    fn start(&self, job: &Arc<ScrapeJob>, client: &Client, base_dir: &Path) -> Job {
        let pool = Pool::new(job.clone(), client.clone(), self.around.clone());
        let pool = Arc::new(Mutex::new(Some(pool)));
        let (updates, receiver) = mpsc::channel(UPDATE_QUEUE);
        let consumer = tokio::spawn(consume(receiver, pool.clone()));
        Job {
            base_dir: base_dir.to_owned(),
            pool,
            discoverers: Vec::new(),
            updates,
            consumer,
        }
    }

    /// Every target and how it fares.
    pub fn targets(&self) -> TargetsStatus {
        let mut status = TargetsStatus::default();
        for (name, job) in &self.state.lock().jobs {
            let pool = job.pool.lock();
            let Some(pool) = pool.as_ref() else { continue };
            let mut active: Vec<ActiveTarget> = pool
                .running
                .values()
                .map(|running| self.active(name, running))
                .collect();
            active.extend(
                pool.unusable()
                    .map(|u| unusable(name, u.discovered_labels, u.error)),
            );
            active.sort_by(|a, b| {
                a.labels
                    .cmp(&b.labels)
                    .then_with(|| a.scrape_url.cmp(&b.scrape_url))
            });
            status.active.append(&mut active);
            let (dropped, count) = pool.dropped();
            let shown = |discovered_labels| DroppedTarget {
                discovered_labels,
                scrape_pool: name.clone(),
            };
            status.dropped.extend(dropped.into_iter().map(shown));
            status.dropped_counts.insert(name.clone(), count);
        }
        status
    }

    fn active(&self, name: &str, running: &Running) -> ActiveTarget {
        let target = &running.spec.target;
        let last = running.last.lock();
        ActiveTarget {
            discovered_labels: target.discovered_labels.clone(),
            labels: target.labels.clone(),
            scrape_pool: name.to_owned(),
            scrape_url: target.url.to_string(),
            global_url: global_url(&target.url, &self.options),
            last_error: last.error.clone(),
            last_scrape_ms: last.at_ms,
            last_scrape_duration_seconds: last.duration_seconds,
            health: last.health,
            scrape_interval: model::promtime::format_duration(target.interval),
            scrape_timeout: model::promtime::format_duration(target.timeout),
        }
    }

    /// What the families of each target say of themselves.
    pub fn metadata(&self) -> Vec<TargetMetadata> {
        let mut all = Vec::new();
        for job in self.state.lock().jobs.values() {
            let pool = job.pool.lock();
            for running in pool.iter().flat_map(|pool| pool.running.values()) {
                let families = running.last.lock().families.clone();
                all.push(TargetMetadata {
                    target: running.spec.target.labels.clone(),
                    families: by_name(&families),
                });
            }
        }
        all.sort_by(|a, b| a.target.cmp(&b.target));
        all
    }

    /// The names of the jobs, sorted.
    pub fn pools(&self) -> Vec<String> {
        self.state.lock().jobs.keys().cloned().collect()
    }

    /// Ends all loops and waits for appends under way. Writes no staleness markers: a restart is no end.
    pub async fn shutdown(&self) {
        let jobs = {
            let mut state = self.state.lock();
            state.closed = true;
            std::mem::take(&mut state.jobs)
        };
        let mut tasks = Vec::new();
        for job in jobs.values() {
            let pool = job.pool.lock().take();
            tasks.extend(pool.into_iter().flat_map(|pool| pool.close(false)));
        }
        drop(jobs);
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a scrape loop did not end well");
            }
        }
    }
}

impl Discoverer {
    /// Fixed lists take effect at once, everything else through its own task.
    fn begin(&mut self, pool: &mut Pool, base_dir: &Path, updates: &mpsc::Sender<Update>) {
        match &self.config {
            Discovery::Static(configs) => pool.update(self.id, discovery::fixed_groups(configs)),
            config => self.task = discovery::spawn(self.id, config, base_dir, updates.clone()),
        }
    }
}

/// Brings updates into the pool, several at a time where several wait.
async fn consume(mut updates: mpsc::Receiver<Update>, pool: Arc<Mutex<Option<Pool>>>) {
    while let Some(first) = updates.recv().await {
        let mut batch = vec![first];
        while let Ok(more) = updates.try_recv() {
            batch.push(more);
        }
        let mut pool = pool.lock();
        let Some(pool) = pool.as_mut() else { return };
        for update in batch {
            pool.update(update.discoverer, update.groups);
        }
        pool.sync();
    }
}

/// A target without usable labels is shown by what was discovered.
fn unusable(name: &str, discovered_labels: Labels, error: String) -> ActiveTarget {
    ActiveTarget {
        labels: discovered_labels.filtered(|label| !label.starts_with("__")),
        discovered_labels,
        scrape_pool: name.to_owned(),
        scrape_url: String::new(),
        global_url: String::new(),
        last_error: error,
        last_scrape_ms: None,
        last_scrape_duration_seconds: 0.0,
        health: Health::Down,
        scrape_interval: String::new(),
        scrape_timeout: String::new(),
    }
}

/// A target on this machine, as another machine has to write it.
fn global_url(url: &Url, options: &Options) -> String {
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let Some(external) = options.external_url.as_ref().filter(|_| local) else {
        return url.to_string();
    };
    let mut global = url.clone();
    let own = url.port_or_known_default() == Some(options.listen_port);
    let changed = global.set_host(external.host_str()).is_ok()
        && (!own
            || (global.set_scheme(external.scheme()).is_ok() && global.set_port(external.port()).is_ok()));
    if changed {
        global.to_string()
    } else {
        url.to_string()
    }
}
