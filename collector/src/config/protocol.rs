//! What a scrape asks for: exposition formats, and which names it accepts in which spelling.

use serde::Deserialize;

/// An exposition format that a target may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum ScrapeProtocol {
    /// `application/openmetrics-text; version=0.0.1`
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText0_0_1,
    /// `application/openmetrics-text; version=1.0.0`
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText1_0_0,
    /// Upstream's protobuf format: a valid name, never asked for.
    PrometheusProto,
    /// `text/plain; version=0.0.4`
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText0_0_4,
    /// `text/plain; version=1.0.0`
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText1_0_0,
}

impl ScrapeProtocol {
    /// What is asked for where nothing is configured, in order of preference.
    pub const DEFAULTS: [ScrapeProtocol; 4] = [
        ScrapeProtocol::OpenMetricsText1_0_0,
        ScrapeProtocol::OpenMetricsText0_0_1,
        ScrapeProtocol::PrometheusText1_0_0,
        ScrapeProtocol::PrometheusText0_0_4,
    ];
}

/// How targets are to spell names that are not `[a-zA-Z_:][a-zA-Z0-9_:]*`, said in the `Accept` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
pub enum EscapingScheme {
    /// As they are, quoted.
    #[default]
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// Foreign characters become `_`.
    #[serde(rename = "underscores")]
    Underscores,
    /// Dots become `_dot_`.
    #[serde(rename = "dots")]
    Dots,
    /// `U__` and the code points in hexadecimal.
    #[serde(rename = "values")]
    Values,
}

impl EscapingScheme {
    /// The word used in the `Accept` header.
    pub fn as_str(self) -> &'static str {
        match self {
            EscapingScheme::AllowUtf8 => "allow-utf-8",
            EscapingScheme::Underscores => "underscores",
            EscapingScheme::Dots => "dots",
            EscapingScheme::Values => "values",
        }
    }
}

/// Which names a scrape accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidationScheme {
    /// Any UTF-8.
    #[default]
    Utf8,
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*` and `[a-zA-Z_][a-zA-Z0-9_]*`.
    Legacy,
}
