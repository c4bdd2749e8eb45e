//! Pods as targets, against a fake API server that lists and watches as the real one does.

use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use collector::scrape::Health;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::setup::{eventually, jobs, manager, serve};

/// The state of a cluster: its pods, and who watches them.
#[derive(Clone)]
struct Cluster {
    pods: Arc<Mutex<Vec<Value>>>,
    events: broadcast::Sender<Value>,
}

#[derive(serde::Deserialize)]
struct Parameters {
    watch: Option<String>,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster {
            pods: Arc::default(),
            events: broadcast::channel(64).0,
        }
    }

    fn add(&self, pod: Value) {
        let event = json!({"type": "ADDED", "object": &pod});
        self.pods.lock().unwrap().push(pod);
        let _ = self.events.send(event);
    }

    fn delete(&self, name: &str) {
        let mut pods = self.pods.lock().unwrap();
        let at = pods
            .iter()
            .position(|pod| pod["metadata"]["name"] == name)
            .unwrap();
        let mut pod = pods.remove(at);
        pod["metadata"]["resourceVersion"] = "200".into();
        let _ = self.events.send(json!({"type": "DELETED", "object": pod}));
    }

    async fn serve(&self) -> String {
        let app = Router::new()
            .route("/api/v1/pods", get(pods))
            .with_state(self.clone());
        format!("http://{}", serve(app).await)
    }
}

async fn pods(State(cluster): State<Cluster>, Query(parameters): Query<Parameters>) -> Response {
    if parameters.watch.is_none() {
        let items = cluster.pods.lock().unwrap().clone();
        let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "100"}, "items": items});
        return axum::Json(list).into_response();
    }
    let events = cluster.events.subscribe();
    let lines = futures_util::stream::unfold(events, |mut events| async move {
        let event = events.recv().await.ok()?;
        Some((Ok::<_, std::convert::Infallible>(format!("{event}\n")), events))
    });
    Response::builder()
        .header("content-type", "application/json")
        .body(Body::from_stream(lines.boxed()))
        .unwrap()
}

/// A pod that runs at 127.0.0.1.
fn pod(name: &str, annotations: &Value, port: u16) -> Value {
    json!({
        "kind": "Pod", "apiVersion": "v1",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": "101",
            "labels": {"app.kubernetes.io/name": "cart"}, "annotations": annotations,
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "cart-1", "uid": "u", "controller": true}],
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
        },
        "spec": {
            "nodeName": "node-7",
            "containers": [
                {"name": "sidecar", "image": "s:1"},
                {"name": "web", "image": "w:2", "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}]},
            ],
        },
        "status": {
            "phase": "Running", "podIP": "127.0.0.1", "hostIP": "10.0.0.7",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "web", "containerID": "containerd://abc"}],
        },
    })
}

async fn page() -> u16 {
    let answer = || async { ([("content-type", "text/plain")], "a 1\n") };
    let address = serve(
        Router::new()
            .route("/m", get(answer))
            .route("/metrics", get(answer)),
    )
    .await;
    address.rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn annotated_pods_come_and_go() {
    let cluster = Cluster::new();
    let port = page().await;
    let annotations = json!({"prometheus.io/scrape": "true", "prometheus.io/path": "/m", "prometheus.io/port": port.to_string()});
    cluster.add(pod("cart-1-a", &annotations, port));
    cluster.add(pod("silent", &json!({}), port));
    let server = cluster.serve().await;
    let (sink, manager) = manager();
    let text = format!(
        "- job_name: pods\n  scrape_interval: 100ms\n  kubernetes: {{annotations: true, api_server: '{server}'}}\n"
    );
    manager.apply(jobs(&text), Path::new("/")).unwrap();
    let of = |pod: &'static str| {
        [
            ("__name__", "a"),
            ("namespace", "shop"),
            ("pod", pod),
            ("node", "node-7"),
            ("container", "web"),
            ("app", "cart"),
        ]
    };
    eventually("a listed pod", || sink.has_value(&of("cart-1-a"), 1.0)).await;
    // The watch begins after the list; an event before that would be lost, as in a real cluster it is not.
    eventually("the watch", || cluster.events.receiver_count() > 0).await;
    cluster.add(pod("cart-1-b", &annotations, port));
    eventually("a new pod", || sink.has_value(&of("cart-1-b"), 1.0)).await;
    assert_eq!(manager.targets().active.len(), 2);
    assert!(sink.samples(&[("pod", "silent")]).is_empty());

    cluster.delete("cart-1-a");
    eventually("the deleted pod is gone", || manager.targets().active.len() == 1).await;
    eventually("its series end", || sink.is_stale(&of("cart-1-a"))).await;
    eventually("up ends too", || {
        sink.is_stale(&[("__name__", "up"), ("pod", "cart-1-a")])
    })
    .await;
    assert!(!sink.is_stale(&of("cart-1-b")));
}

#[tokio::test]
async fn the_pod_role_gives_upstreams_labels() {
    let cluster = Cluster::new();
    let port = page().await;
    cluster.add(pod("cart-1-a", &json!({"team/owner": "x"}), port));
    let server = cluster.serve().await;
    let (_sink, manager) = manager();
    let text = format!(
        "- job_name: pods\n  scrape_interval: 100ms\n  kubernetes_sd_configs:\n  - {{role: pod, api_server: '{server}'}}\n"
    );
    manager.apply(jobs(&text), Path::new("/")).unwrap();
    // One target a port, and one for the container that declares none.
    eventually("two targets", || manager.targets().active.len() == 2).await;
    eventually("one up", || {
        manager.targets().active.iter().any(|t| t.health == Health::Up)
    })
    .await;
    let targets = manager.targets().active;
    let found = |name: &str| {
        targets
            .iter()
            .find(|t| t.discovered_labels.get("__meta_kubernetes_pod_container_name") == Some(name))
    };
    let web = &found("web").unwrap().discovered_labels;
    let port = port.to_string();
    for (name, value) in [
        ("namespace", "shop"),
        ("pod_name", "cart-1-a"),
        ("pod_ip", "127.0.0.1"),
        ("pod_ready", "true"),
        ("pod_phase", "Running"),
        ("pod_node_name", "node-7"),
        ("pod_host_ip", "10.0.0.7"),
        ("pod_uid", "uid-cart-1-a"),
        ("pod_controller_kind", "ReplicaSet"),
        ("pod_controller_name", "cart-1"),
        ("pod_label_app_kubernetes_io_name", "cart"),
        ("pod_labelpresent_app_kubernetes_io_name", "true"),
        ("pod_annotation_team_owner", "x"),
        ("pod_annotationpresent_team_owner", "true"),
        ("pod_container_name", "web"),
        ("pod_container_image", "w:2"),
        ("pod_container_id", "containerd://abc"),
        ("pod_container_init", "false"),
        ("pod_container_port_number", port.as_str()),
        ("pod_container_port_name", "http"),
        ("pod_container_port_protocol", "TCP"),
    ] {
        assert_eq!(
            web.get(&format!("__meta_kubernetes_{name}")),
            Some(value),
            "{name}"
        );
    }
    assert_eq!(web.get("__address__"), Some(format!("127.0.0.1:{port}").as_str()));
    assert_eq!(
        found("sidecar").unwrap().discovered_labels.get("__address__"),
        Some("127.0.0.1")
    );
}
