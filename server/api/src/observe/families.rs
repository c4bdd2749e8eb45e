//! The numbers that the parts of the server keep, gathered when somebody asks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::ObserveState;
use super::process::Process;

/// One metric family with its samples. Counters are named without `_total`.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    counter: bool,
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

/// All families.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<Family>);

impl Families {
    fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Into<Option<f64>>) {
        self.push(name, help, false, value.into().map(|value| (Vec::new(), value)));
    }

    fn counter(&mut self, name: &'static str, help: &'static str, value: impl Into<Option<f64>>) {
        self.push(name, help, true, value.into().map(|value| (Vec::new(), value)));
    }

    fn push(
        &mut self,
        name: &'static str,
        help: &'static str,
        counter: bool,
        samples: impl IntoIterator<Item = (Vec<(&'static str, String)>, f64)>,
    ) {
        self.0.push(Family {
            name,
            help,
            counter,
            samples: samples.into_iter().collect(),
        });
    }

    /// Asks everybody.
    pub(super) fn gather(state: &ObserveState) -> Families {
        let mut families = Families::default();
        families.build();
        families.process(state);
        families.metrics(state);
        families.results(state);
        families.spans(state);
        families.lines(state);
        families.targets(state);
        families.rules(state);
        families.notifications(state);
        families
    }

    fn build(&mut self) {
        let labels = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
        self.push(
            "masthead_build_info",
            "The version that runs.",
            false,
            [(labels, 1.0)],
        );
    }

    fn process(&mut self, state: &ObserveState) {
        let process = Process::read();
        let float = |number: Option<u64>| number.map(|n| n as f64);
        self.counter(
            "process_cpu_seconds",
            "Total user and system CPU time spent in seconds.",
            process.cpu_seconds,
        );
        self.gauge(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            float(process.resident_bytes),
        );
        self.gauge(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            float(process.virtual_bytes),
        );
        self.gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            float(process.open_fds),
        );
        self.gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            float(process.max_fds),
        );
        let started = state.server.started_ms as f64 / 1000.0;
        let help = "Start time of the process since unix epoch in seconds.";
        self.gauge("process_start_time_seconds", help, started);
        let config = state.server.config.read().clone();
        let success = f64::from(u8::from(config.reload_success));
        let help = "Whether the last configuration reload attempt was successful.";
        self.gauge("prometheus_config_last_reload_successful", help, success);
        let help = "Timestamp of the last successful configuration reload.";
        self.gauge(
            "prometheus_config_last_reload_success_timestamp_seconds",
            help,
            config.loaded_ms as f64 / 1000.0,
        );
    }

    /// What the engine of the metrics store is busy with.
    fn engine(&mut self, stats: &tsdb::Stats) {
        let help = "Bytes of the series that are alive: their labels and the index over them.";
        self.gauge("masthead_tsdb_series_bytes", help, stats.table_bytes as f64);
        let help = "Samples in memory.";
        self.gauge("masthead_tsdb_head_samples", help, stats.head_samples as f64);
        let help = "Memtables: the one that takes samples, and those waiting to be flushed.";
        self.gauge("masthead_tsdb_memtables", help, stats.generations as f64);
        let help = "Batches refused as a whole: the log could not be written, or flushing did not keep up.";
        self.counter(
            "masthead_tsdb_batches_refused",
            help,
            stats.refused_batches as f64,
        );
        let bounds = [
            ("series", stats.refused_by_series_limit),
            ("series_per_metric", stats.refused_by_metric_limit),
            ("memory", stats.refused_by_memory),
        ];
        let samples = bounds.map(|(bound, count)| (vec![("bound", bound.to_owned())], count as f64));
        self.push(
            "masthead_tsdb_series_refused",
            "New series that were refused.",
            true,
            samples,
        );
        let work = [
            ("flush", stats.flushes),
            ("compaction", stats.compactions),
            ("downsampling", stats.downsamplings),
        ];
        let of = |value: fn(&tsdb::Work) -> f64| {
            work.each_ref()
                .map(|(kind, work)| (vec![("kind", (*kind).to_owned())], value(work)))
        };
        let runs = of(|work| work.count as f64);
        self.push(
            "masthead_tsdb_upkeep_runs",
            "Flushes, compactions and downsampled blocks.",
            true,
            runs,
        );
        let bytes = of(|work| work.bytes as f64);
        self.push(
            "masthead_tsdb_upkeep_written_bytes",
            "Bytes of blocks written.",
            true,
            bytes,
        );
        let seconds = of(|work| work.nanos as f64 / 1e9);
        let help = "Time spent on flushes, compactions and downsampling.";
        self.push("masthead_tsdb_upkeep_seconds", help, true, seconds);
    }

    fn metrics(&mut self, state: &ObserveState) {
        // A disk that cannot be listed shows in readiness; the other numbers must not be lost over it.
        let Ok(stats) = state.tsdb.stats() else { return };
        self.gauge(
            "prometheus_tsdb_head_series",
            "Total number of series in the head block.",
            stats.head_series as f64,
        );
        self.gauge(
            "prometheus_tsdb_head_chunks",
            "Total number of chunks in the head block.",
            stats.head_chunks as f64,
        );
        let help = "Bytes of samples in the head block.";
        self.gauge("masthead_tsdb_head_bytes", help, stats.head_bytes as f64);
        let seconds = |ms: Option<i64>| ms.map(|ms| ms as f64 / 1000.0);
        let help = "Minimum time bound of the head block.";
        self.gauge(
            "prometheus_tsdb_head_min_time_seconds",
            help,
            seconds(stats.head_min_ms),
        );
        let help = "Maximum timestamp of the head block.";
        self.gauge(
            "prometheus_tsdb_head_max_time_seconds",
            help,
            seconds(stats.head_max_ms),
        );
        let help = "Lowest timestamp value stored in the database.";
        self.gauge(
            "prometheus_tsdb_lowest_timestamp_seconds",
            help,
            seconds(stats.min_ms),
        );
        let help = "Total number of appended samples.";
        self.counter(
            "prometheus_tsdb_head_samples_appended",
            help,
            stats.samples_appended as f64,
        );
        let help = "Appended samples that were not in order.";
        self.counter(
            "prometheus_tsdb_head_out_of_order_samples_appended",
            help,
            stats.samples_late as f64,
        );
        let rejected = &stats.rejected;
        let reasons = [
            ("out_of_order", rejected.out_of_order),
            ("too_old", rejected.too_old),
            ("duplicate", rejected.duplicate),
            ("too_far_in_future", rejected.too_far_in_future),
            ("series_limit", rejected.series_limit),
            ("invalid_labels", rejected.invalid_labels),
            ("unknown_series", rejected.unknown_series),
        ];
        let samples = reasons.map(|(reason, count)| (vec![("reason", reason.to_owned())], count as f64));
        self.push(
            "masthead_tsdb_samples_rejected",
            "Samples that were refused.",
            true,
            samples,
        );
        self.gauge(
            "prometheus_tsdb_blocks_loaded",
            "Number of currently loaded data blocks.",
            stats.blocks as f64,
        );
        let help = "The number of bytes that are currently used for local storage by all blocks.";
        self.gauge(
            "prometheus_tsdb_storage_blocks_bytes",
            help,
            stats.block_bytes as f64,
        );
        let help = "Size of the write log directory.";
        self.gauge(
            "prometheus_tsdb_wal_storage_size_bytes",
            help,
            stats.wal_bytes as f64,
        );
        self.engine(&stats);
    }

    fn results(&mut self, state: &ObserveState) {
        let stats = state.results.stats();
        let outcomes = [
            ("hit", stats.hits),
            ("partial", stats.partial_hits),
            ("miss", stats.misses),
            ("bypassed", stats.bypassed),
        ];
        self.push(
            "masthead_query_results_cache_queries",
            "Range queries by what of their answers was there: all, some, nothing, or never kept.",
            true,
            outcomes.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count as f64)),
        );
        self.counter(
            "masthead_query_results_cache_evictions",
            "Answers that had to go for others.",
            stats.evicted as f64,
        );
        let help = "Answers kept.";
        self.gauge("masthead_query_results_cache_entries", help, stats.entries as f64);
        let help = "Bytes that kept answers take.";
        self.gauge("masthead_query_results_cache_bytes", help, stats.bytes as f64);
    }

    fn spans(&mut self, state: &ObserveState) {
        let stats = state.spans.stats();
        self.counter(
            "masthead_traces_spans_received",
            "Spans stored.",
            stats.appended_spans as f64,
        );
        self.counter(
            "masthead_traces_batches_failed",
            "Batches of spans refused.",
            stats.failed_batches as f64,
        );
        self.gauge(
            "masthead_traces_head_spans",
            "Spans that are not in a block yet.",
            stats.head_spans as f64,
        );
        self.gauge("masthead_traces_blocks", "Blocks of spans.", stats.blocks as f64);
        let bytes = stats.block_bytes + stats.log_bytes;
        self.gauge(
            "masthead_traces_storage_bytes",
            "Bytes of spans on disk.",
            bytes as f64,
        );
    }

    fn lines(&mut self, state: &ObserveState) {
        let Ok(stats) = state.logs.stats() else { return };
        self.counter(
            "masthead_logs_lines_received",
            "Lines stored.",
            stats.appended_lines_total as f64,
        );
        self.counter(
            "masthead_logs_bytes_received",
            "Bytes of lines stored.",
            stats.appended_bytes_total as f64,
        );
        let help = "Lines refused.";
        self.counter(
            "masthead_logs_lines_refused",
            help,
            stats.refused_lines_total as f64,
        );
        self.counter(
            "masthead_logs_batches_refused",
            "Batches of lines refused.",
            stats.refused_batches_total as f64,
        );
        self.gauge(
            "masthead_logs_head_lines",
            "Lines that are not in a block yet.",
            stats.head_lines as f64,
        );
        let bytes = stats.disk_bytes + stats.wal_bytes;
        self.gauge(
            "masthead_logs_storage_bytes",
            "Bytes of lines on disk.",
            bytes as f64,
        );
    }

    fn targets(&mut self, state: &ObserveState) {
        let mut pools = std::collections::BTreeMap::<String, f64>::new();
        for target in state.targets.targets().active {
            *pools.entry(target.scrape_pool).or_default() += 1.0;
        }
        let samples = pools
            .into_iter()
            .map(|(pool, count)| (vec![("scrape_job", pool)], count));
        let help = "Current number of targets in this scrape pool.";
        self.push("prometheus_target_scrape_pool_targets", help, false, samples);
    }

    fn rules(&mut self, state: &ObserveState) {
        let groups = state.rules.groups_status();
        let each = |value: fn(&alertmanager::rules::GroupStatus) -> f64| {
            let label =
                |g: &alertmanager::rules::GroupStatus| vec![("rule_group", format!("{};{}", g.file, g.name))];
            groups
                .iter()
                .map(|group| (label(group), value(group)))
                .collect::<Vec<_>>()
        };
        let evaluations = each(|g| g.stats.evaluations as f64);
        self.push(
            "prometheus_rule_evaluations",
            "The total number of rule evaluations.",
            true,
            evaluations,
        );
        let failures = each(|g| g.stats.evaluation_failures as f64);
        let help = "The total number of rule evaluation failures.";
        self.push("prometheus_rule_evaluation_failures", help, true, failures);
        let iterations = each(|g| g.stats.iterations as f64);
        let help = "The total number of scheduled rule group evaluations.";
        self.push("prometheus_rule_group_iterations", help, true, iterations);
        let missed = each(|g| g.stats.iterations_missed as f64);
        let help = "The total number of rule group evaluations missed due to slow rule group evaluation.";
        self.push("prometheus_rule_group_iterations_missed", help, true, missed);
        let duration = each(|g| g.evaluation_time_s);
        let help = "The duration of the last rule group evaluation.";
        self.push(
            "prometheus_rule_group_last_duration_seconds",
            help,
            false,
            duration,
        );
    }

    fn notifications(&mut self, state: &ObserveState) {
        let Some(notifications) = (state.notifications)() else {
            return;
        };
        let stats = notifications.delivery_stats();
        let help = "The total number of received alerts.";
        self.counter("alertmanager_alerts_received", help, stats.alerts_received as f64);
        let by_integration = |value: fn(&alertmanager::notifications::IntegrationStats) -> u64| {
            let samples = stats.integrations.iter();
            samples
                .map(|(name, s)| (vec![("integration", name.clone())], value(s) as f64))
                .collect::<Vec<_>>()
        };
        let sent = by_integration(|s| s.notifications);
        self.push(
            "alertmanager_notifications",
            "The total number of attempted notifications.",
            true,
            sent,
        );
        let failed = by_integration(|s| s.notifications_failed);
        self.push(
            "alertmanager_notifications_failed",
            "The total number of failed notifications.",
            true,
            failed,
        );
    }
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        for family in self.0.iter().filter(|family| !family.samples.is_empty()) {
            let kind = if family.counter {
                MetricType::Counter
            } else {
                MetricType::Gauge
            };
            // The library ends each help text with a full stop of its own.
            let help = family.help.trim_end_matches('.');
            let mut metric = encoder.encode_descriptor(family.name, help, None, kind)?;
            for (labels, value) in &family.samples {
                let mut sample = metric.encode_family(labels)?;
                if family.counter {
                    sample.encode_counter::<NoLabelSet, f64, u64>(value, None)?;
                } else {
                    sample.encode_gauge(value)?;
                }
            }
        }
        Ok(())
    }
}
