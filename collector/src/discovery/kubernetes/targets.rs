//! From a pod to targets: with upstream's `__meta_kubernetes_*` labels, one for each port of each container; or
//! from its `prometheus.io/…` annotations, ready to scrape. Functions of data.
//!
//! Labels: <https://prometheus.io/docs/prometheus/latest/configuration/configuration/#pod>.

use super::pod::{Container, ContainerStatus, Pod};
use crate::discovery::TargetGroup;

type Pairs = Vec<(String, String)>;

/// The name of a pod's group.
pub(super) fn source(pod: &Pod) -> String {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    format!(
        "pod/{}/{}",
        text(&pod.metadata.namespace),
        text(&pod.metadata.name)
    )
}

/// The targets of a pod; none while it has no address.
pub(super) fn group(pod: &Pod, annotations: bool) -> TargetGroup {
    let mut group = TargetGroup {
        source: source(pod),
        ..TargetGroup::default()
    };
    if pod.status.pod_ip.is_empty() {
        return group;
    }
    group.labels = pod_labels(pod);
    group.targets = if annotations {
        annotated(pod)
    } else {
        every_port(pod)
    };
    group
}

fn pair(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

fn pod_labels(pod: &Pod) -> Pairs {
    let meta = &pod.metadata;
    let (spec, status) = (&pod.spec, &pod.status);
    let ready = status.conditions.iter().find(|c| c.kind == "Ready");
    let ready = ready.map_or_else(|| "unknown".to_owned(), |c| c.status.to_lowercase());
    let mut out = vec![
        pair(
            "__meta_kubernetes_namespace",
            meta.namespace.clone().unwrap_or_default(),
        ),
        pair(
            "__meta_kubernetes_pod_name",
            meta.name.clone().unwrap_or_default(),
        ),
        pair("__meta_kubernetes_pod_ip", status.pod_ip.clone()),
        pair("__meta_kubernetes_pod_ready", ready),
        pair("__meta_kubernetes_pod_phase", status.phase.clone()),
        pair(
            "__meta_kubernetes_pod_node_name",
            spec.node_name.clone().unwrap_or_default(),
        ),
        pair("__meta_kubernetes_pod_host_ip", status.host_ip.clone()),
        pair("__meta_kubernetes_pod_uid", meta.uid.clone().unwrap_or_default()),
    ];
    let owners = meta.owner_references.iter().flatten();
    if let Some(owner) = owners.clone().find(|owner| owner.controller == Some(true)) {
        out.push(pair("__meta_kubernetes_pod_controller_kind", owner.kind.clone()));
        out.push(pair("__meta_kubernetes_pod_controller_name", owner.name.clone()));
    }
    let maps = [("label", &meta.labels), ("annotation", &meta.annotations)];
    for (what, map) in maps {
        for (name, value) in map.iter().flatten() {
            let name = sanitize(name);
            out.push(pair(
                &format!("__meta_kubernetes_pod_{what}_{name}"),
                value.clone(),
            ));
            out.push(pair(
                &format!("__meta_kubernetes_pod_{what}present_{name}"),
                "true",
            ));
        }
    }
    out
}

/// Everything but letters, digits and `_` becomes `_`.
fn sanitize(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

fn containers(pod: &Pod) -> impl Iterator<Item = (&Container, bool)> {
    let main = pod.spec.containers.iter().map(|c| (c, false));
    main.chain(pod.spec.init_containers.iter().map(|c| (c, true)))
}

fn every_port(pod: &Pod) -> Vec<Pairs> {
    let mut targets = Vec::new();
    for (container, init) in containers(pod) {
        let statuses = pod
            .status
            .container_statuses
            .iter()
            .chain(&pod.status.init_container_statuses);
        let base = container_labels(container, init, statuses);
        if container.ports.is_empty() {
            let mut target = base.clone();
            target.push(pair("__address__", pod.status.pod_ip.clone()));
            targets.push(target);
        }
        for port in &container.ports {
            let mut target = base.clone();
            target.push(pair(
                "__address__",
                address(&pod.status.pod_ip, port.container_port),
            ));
            target.push(pair(
                "__meta_kubernetes_pod_container_port_number",
                port.container_port.to_string(),
            ));
            target.push(pair(
                "__meta_kubernetes_pod_container_port_name",
                port.name.clone(),
            ));
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
            target.push(pair("__meta_kubernetes_pod_container_port_protocol", protocol));
            targets.push(target);
        }
    }
    targets
}

fn container_labels<'a>(
    container: &Container,
    init: bool,
    mut statuses: impl Iterator<Item = &'a ContainerStatus>,
) -> Pairs {
    let id = statuses
        .find(|status| status.name == container.name)
        .map(|status| status.container_id.clone());
    vec![
        pair("__meta_kubernetes_pod_container_name", container.name.clone()),
        pair("__meta_kubernetes_pod_container_image", container.image.clone()),
        pair("__meta_kubernetes_pod_container_id", id.unwrap_or_default()),
        pair("__meta_kubernetes_pod_container_init", init.to_string()),
    ]
}

/// `host:port`, an IPv6 address in brackets.
fn address(ip: &str, port: u16) -> String {
    if ip.contains(':') {
        format!("[{ip}]:{port}")
    } else {
        format!("{ip}:{port}")
    }
}

/// One target for the annotated port, else one for each declared TCP port, else the scheme's own port.
fn annotated(pod: &Pod) -> Vec<Pairs> {
    let annotation = |name: &str| {
        let key = format!("prometheus.io/{name}");
        pod.metadata
            .annotations
            .as_ref()
            .and_then(|all| all.get(&key))
            .map(|value| value.trim().to_owned())
    };
    let over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
    if over || annotation("scrape").is_none_or(|value| !value.eq_ignore_ascii_case("true")) {
        return Vec::new();
    }
    let scheme = annotation("scheme").filter(|scheme| !scheme.is_empty());
    let mut shared = shared_labels(pod);
    shared.extend(scheme.iter().map(|scheme| pair("__scheme__", scheme.clone())));
    let path = annotation("path").filter(|path| !path.is_empty());
    shared.extend(path.map(|path| pair("__metrics_path__", path)));
    let ports: Vec<u16> = match annotation("port") {
        Some(port) => match port.parse() {
            Ok(port) => vec![port],
            Err(_) => {
                tracing::warn!(
                    pod = source(pod),
                    port,
                    "annotation prometheus.io/port is no port number"
                );
                return Vec::new();
            }
        },
        None => declared_ports(pod, scheme.as_deref()),
    };
    let target = |port: u16| {
        let mut target = shared.clone();
        target.push(pair("__address__", address(&pod.status.pod_ip, port)));
        let declares = |c: &&Container| c.ports.iter().any(|p| p.container_port == port);
        let container = pod
            .spec
            .containers
            .iter()
            .find(declares)
            .or(pod.spec.containers.first());
        target.extend(container.map(|container| pair("container", container.name.clone())));
        target
    };
    ports.into_iter().map(target).collect()
}

fn declared_ports(pod: &Pod, scheme: Option<&str>) -> Vec<u16> {
    let ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
    let tcp = ports.filter(|port| port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP"));
    let ports: Vec<u16> = tcp.map(|port| port.container_port).collect();
    match ports.is_empty() {
        true => vec![if scheme == Some("https") { 443 } else { 80 }],
        false => ports,
    }
}

fn shared_labels(pod: &Pod) -> Pairs {
    let label = |name: &str| pod.metadata.labels.as_ref().and_then(|all| all.get(name));
    let app = ["app.kubernetes.io/name", "app", "k8s-app"]
        .into_iter()
        .find_map(label);
    let mut out = vec![
        pair("namespace", pod.metadata.namespace.clone().unwrap_or_default()),
        pair("pod", pod.metadata.name.clone().unwrap_or_default()),
        pair("node", pod.spec.node_name.clone().unwrap_or_default()),
    ];
    out.extend(app.map(|app| pair("app", app.clone())));
    out
}
