//! `--enable-feature`: Prometheus' names for what is not on by itself.

use promql::ParserOptions;

/// The features that change something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Features {
    /// Functions and aggregations that may still change.
    pub experimental_functions: bool,
    /// `anchored` and `smoothed` ranges.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right` of binary operators.
    pub fill_modifiers: bool,
    /// Names are dropped at the end of a query only.
    pub delayed_name_removal: bool,
    /// `stats=all` counts samples step by step.
    pub per_step_stats: bool,
    /// Rates know from when on counters count.
    pub use_start_timestamps: bool,
}

/// What is on here without being asked for.
const ALWAYS_ON: [&str; 11] = [
    "auto-gomaxprocs",
    "concurrent-rule-eval",
    "exemplar-storage",
    "metadata-wal-records",
    "native-histograms",
    "no-default-scrape-port",
    "ooo-native-histograms",
    "promql-at-modifier",
    "promql-duration-expr",
    "promql-negative-offset",
    "st-storage",
];

/// What Prometheus knows and there is nothing of here.
const WITHOUT_EFFECT: [&str; 21] = [
    "agent",
    "auto-gomemlimit",
    "auto-reload-config",
    "created-timestamp-zero-ingestion",
    "delayed-compaction",
    "expand-external-labels",
    "extra-scrape-metrics",
    "fast-startup",
    "histograms-st-encoding",
    "memory-snapshot-on-shutdown",
    "old-ui",
    "otlp-deltatocumulative",
    "otlp-native-delta-ingestion",
    "otlp-write-receiver",
    "remote-write-receiver",
    "search-api",
    "st-synthesis",
    "type-and-unit-labels",
    "use-uncached-io",
    "utf8-names",
    "xor2-encoding",
];

impl Features {
    /// What of the language they allow.
    pub(crate) fn parser(&self) -> ParserOptions {
        ParserOptions {
            experimental_functions: self.experimental_functions,
            extended_range_selectors: self.extended_range_selectors,
            fill_modifiers: self.fill_modifiers,
            ..ParserOptions::default()
        }
    }

    /// The features of these names, and a sentence for each name that does nothing.
    pub(crate) fn of(names: &[String]) -> (Features, Vec<String>) {
        let (mut features, mut notes) = (Features::default(), Vec::new());
        for name in names
            .iter()
            .map(|name| name.trim())
            .filter(|name| !name.is_empty())
        {
            match name {
                "promql-experimental-functions" => features.experimental_functions = true,
                "promql-extended-range-selectors" => features.extended_range_selectors = true,
                "promql-binop-fill-modifiers" => features.fill_modifiers = true,
                "promql-delayed-name-removal" => features.delayed_name_removal = true,
                "promql-per-step-stats" => features.per_step_stats = true,
                "use-start-timestamps" => features.use_start_timestamps = true,
                _ if ALWAYS_ON.contains(&name) => {
                    notes.push(format!(
                        "--enable-feature={name} is always on and therefore a no-op"
                    ));
                }
                _ if WITHOUT_EFFECT.contains(&name) => {
                    notes.push(format!("--enable-feature={name} has no effect here"));
                }
                _ => notes.push(format!("unknown option for --enable-feature: {name}")),
            }
        }
        (features, notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus_and_others_are_told_of() {
        let names = [
            "promql-delayed-name-removal",
            "native-histograms",
            "search-api",
            "no-such",
            "",
        ];
        let (features, notes) = Features::of(&names.map(str::to_owned));
        let expected = Features {
            delayed_name_removal: true,
            ..Features::default()
        };
        assert_eq!(features, expected);
        assert_eq!(
            notes,
            [
                "--enable-feature=native-histograms is always on and therefore a no-op",
                "--enable-feature=search-api has no effect here",
                "unknown option for --enable-feature: no-such",
            ]
        );
    }
}
