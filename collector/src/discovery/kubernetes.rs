//! Pods of a Kubernetes cluster: list and watch by the kube client, with a type of our own for pods that holds
//! what discovery needs and a thirtieth of the memory.
//!
//! Every pod is a group named `pod/<namespace>/<name>`, sent on the moment the watch tells of it; a deleted pod
//! is sent as an empty group. After a broken watch the list tells what disappeared meanwhile.

mod connect;
mod pod;
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use kube::{Api, Client};

use super::{Outlet, TargetGroup};
use crate::config::KubernetesSdConfig;
use pod::Pod;

/// Pods in one page of a list.
const PAGE_SIZE: u32 = 500;
/// How long to wait before trying again to connect.
const RETRY: Duration = Duration::from_secs(5);

pub(super) async fn run(config: KubernetesSdConfig, base_dir: PathBuf, out: Outlet) {
    let (client, namespaces) = loop {
        match connect::connect(&config, &base_dir).await {
            Ok(connected) => break connected,
            Err(error) => tracing::error!(error, "cannot reach Kubernetes for discovery; trying again"),
        }
        tokio::time::sleep(RETRY).await;
    };
    let apis: Vec<Api<Pod>> = match namespaces.is_empty() {
        true => vec![Api::all(client)],
        false => namespaces
            .iter()
            .map(|name| Api::namespaced(Client::clone(&client), name))
            .collect(),
    };
    let watches = apis.into_iter().map(|api| follow(api, &config, &out));
    futures_util::future::join_all(watches).await;
}

/// Follows one list of pods for ever.
async fn follow(api: Api<Pod>, config: &KubernetesSdConfig, out: &Outlet) {
    let mut options = watcher::Config::default().page_size(PAGE_SIZE);
    if let Some(label) = &config.selector.label {
        options = options.labels(label);
    }
    if let Some(field) = &config.selector.field {
        options = options.fields(field);
    }
    let mut events = pin!(watch(api, options).default_backoff());
    let mut known = Known::default();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let listing = matches!(event, Event::Init | Event::InitApply(_));
                let groups = known.take(event, config.annotations);
                if !listing && !out.send(groups).await {
                    return;
                }
            }
            Err(error) => tracing::warn!(%error, "the watch over pods broke; it begins again"),
        }
    }
}

/// The pods that were sent on, so that what a new list no longer holds can be taken back.
#[derive(Default)]
struct Known {
    sources: BTreeSet<String>,
    /// What the list under way has shown so far.
    listed: BTreeSet<String>,
    /// Groups of the list under way: sent together, so that a start is one change and not thousands.
    waiting: Vec<TargetGroup>,
}

impl Known {
    fn take(&mut self, event: Event<Pod>, annotations: bool) -> Vec<TargetGroup> {
        match event {
            Event::Init => {
                self.listed.clear();
                self.waiting.clear();
                Vec::new()
            }
            Event::InitApply(pod) => {
                let group = targets::group(&pod, annotations);
                self.listed.insert(group.source.clone());
                self.waiting.push(group);
                Vec::new()
            }
            Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                let gone = self.sources.difference(&listed).cloned();
                let mut groups: Vec<TargetGroup> = gone
                    .map(|source| TargetGroup {
                        source,
                        ..TargetGroup::default()
                    })
                    .collect();
                groups.append(&mut self.waiting);
                self.sources = listed;
                groups
            }
            Event::Apply(pod) => {
                let group = targets::group(&pod, annotations);
                self.sources.insert(group.source.clone());
                vec![group]
            }
            Event::Delete(pod) => {
                let source = targets::source(&pod);
                self.sources.remove(&source);
                vec![TargetGroup {
                    source,
                    ..TargetGroup::default()
                }]
            }
        }
    }
}
