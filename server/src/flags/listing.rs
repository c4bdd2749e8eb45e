//! The flags as `/api/v1/status/flags` shows them.

use super::{OptionalAddress, ServerFlags};

impl ServerFlags {
    /// Every flag with its value, for `/api/v1/status/flags`.
    pub(crate) fn listing(&self) -> Vec<(String, String)> {
        let optional = |a: OptionalAddress| a.0.map_or(String::new(), |a| a.to_string());
        let path = |p: &std::path::Path| p.display().to_string();
        let flags = [
            (
                "config.file",
                self.config_file.as_deref().map(path).unwrap_or_default(),
            ),
            ("storage.path", path(&self.storage_path)),
            (
                "storage.tsdb.retention.time",
                self.retention_time.clone().unwrap_or_default(),
            ),
            (
                "storage.tsdb.retention.size",
                self.retention_size.clone().unwrap_or_default(),
            ),
            (
                "storage.tsdb.retention.5m",
                self.retention_5m.clone().unwrap_or_default(),
            ),
            (
                "storage.tsdb.retention.1h",
                self.retention_1h.clone().unwrap_or_default(),
            ),
            (
                "storage.tsdb.fsync",
                match self.fsync {
                    tsdb::Fsync::Always => "always".to_owned(),
                    tsdb::Fsync::Every(ms) => model::promtime::format_duration_ms(ms),
                },
            ),
            (
                "storage.tsdb.max-series",
                self.max_series.map_or(String::new(), |n| n.to_string()),
            ),
            (
                "storage.tsdb.max-series-per-metric",
                self.max_series_per_metric
                    .map_or(String::new(), |n| n.to_string()),
            ),
            (
                "storage.memory",
                self.memory.map(|budget| budget.to_string()).unwrap_or_default(),
            ),
            ("web.listen-address", self.listen_address.to_string()),
            ("web.external-url", self.external_url.clone().unwrap_or_default()),
            ("web.enable-lifecycle", self.enable_lifecycle.to_string()),
            ("web.enable-admin-api", self.enable_admin_api.to_string()),
            ("otlp.grpc-listen-address", optional(self.otlp_grpc_address)),
            ("otlp.http-listen-address", optional(self.otlp_http_address)),
            (
                "jaeger.thrift-http-listen-address",
                optional(self.jaeger_thrift_address),
            ),
            ("query.timeout", self.query_timeout.clone()),
            ("query.lookback-delta", self.lookback_delta.clone()),
            ("query.max-samples", self.max_samples.to_string()),
            ("query.max-concurrency", self.max_concurrency.to_string()),
            (
                "query.max-memory",
                self.query_memory
                    .map(|budget| budget.to_string())
                    .unwrap_or_default(),
            ),
            (
                "query.results-cache-size",
                format!("{}B", self.results_cache_size.0),
            ),
            ("query.slow-log-threshold", self.slow_query.clone()),
            (
                "storage.remote.read-sample-limit",
                self.read_sample_limit.to_string(),
            ),
            (
                "storage.remote.read-concurrent-limit",
                self.read_concurrency.to_string(),
            ),
            (
                "storage.remote.read-max-bytes-in-frame",
                self.read_frame_bytes.to_string(),
            ),
            ("log.level", self.log_level.as_str().to_owned()),
            ("enable-feature", self.features.join(",")),
        ];
        flags
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}
