//! Which format an answer is in, by its content type.

use crate::config::ScrapeProtocol;

/// How a page is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4, and 1.0.0 with quoted names.
    Text,
    /// OpenMetrics 0.0.1 and 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The format for a `Content-Type` header. As upstream, a missing or unknown one needs a fallback.
    ///
    /// # Errors
    /// The type is missing, unknown or not offered, and there is no fallback.
    pub fn from_content_type(
        content_type: Option<&str>,
        fallback: Option<ScrapeProtocol>,
    ) -> Result<Format, String> {
        let given = content_type.unwrap_or("").trim();
        let media_type = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match media_type.as_str() {
            "text/plain" => return Ok(Format::Text),
            "application/openmetrics-text" => return Ok(Format::OpenMetrics),
            _ => {}
        }
        match (fallback, media_type.as_str()) {
            (Some(protocol), _) => Format::of(protocol)
                .ok_or_else(|| "fallback_scrape_protocol PrometheusProto is not supported".to_owned()),
            (None, "") => Err("non-compliant scrape target sending blank Content-Type and no \
                 fallback_scrape_protocol specified for target"
                .to_owned()),
            (None, _) => Err(format!(
                "received unsupported Content-Type \"{given}\" and no fallback_scrape_protocol specified for target"
            )),
        }
    }

    fn of(protocol: ScrapeProtocol) -> Option<Format> {
        match protocol {
            ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
                Some(Format::OpenMetrics)
            }
            ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => Some(Format::Text),
            ScrapeProtocol::PrometheusProto => None,
        }
    }
}
