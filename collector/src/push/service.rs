//! The label `service_name` of a log stream that does not bring one, as Loki finds it: from the labels by
//! which shippers usually name a workload.

use model::Labels;

/// The label by which a stream's service is known.
pub const SERVICE_NAME: &str = "service_name";
/// Its value where nothing names the service.
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// The labels that name a service, the first found wins.
const NAMES: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// `stream` with a `service_name`.
#[must_use]
pub fn named(stream: &Labels) -> Labels {
    if stream.get(SERVICE_NAME).is_some() {
        return stream.clone();
    }
    let name = NAMES
        .iter()
        .find_map(|name| stream.get(name))
        .unwrap_or(UNKNOWN_SERVICE);
    stream.to_builder().set(SERVICE_NAME, name).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn found_kept_or_unknown() {
        let name = |pairs: &[(&str, &str)]| {
            named(&Labels::from_pairs(pairs.iter().copied()))
                .get(SERVICE_NAME)
                .map(str::to_owned)
        };
        assert_eq!(name(&[("job", "j"), ("app", "a")]).as_deref(), Some("a"));
        assert_eq!(name(&[("service_name", "s"), ("app", "a")]).as_deref(), Some("s"));
        assert_eq!(name(&[("filename", "f")]).as_deref(), Some(UNKNOWN_SERVICE));
    }
}
