//! Recording and alerting rules: read from files, evaluated every interval, their results stored and sent on.
//!
//! The flow: [`load`] reads and checks a file; a [`Group`] owns the state
//! of its rules and turns one evaluation time into samples for a [`MetricSink`](model::metrics::MetricSink) and
//! alerts for an [`AlertSink`](crate::AlertSink); the [`Manager`] gives every group a ticker and a blocking
//! thread. Only the manager knows a runtime. An evaluation costs its queries, plus memory for the active alerts
//! and the label sets of the series that the rule wrote last time.
//!
//! Source: Prometheus' documentation of rules, and the observable behaviour of Prometheus 3.

mod alerting;
mod config;
mod error;
mod expand;
mod functions;
mod group;
mod humanize;
mod manager;
mod promql_querier;
mod query;
mod recording;
mod restore;
mod runtime;
mod status;
mod validate;

pub use alerting::{ActiveAlert, AlertState, AlertingRule, EvalError, Transition};
pub use config::{NameValidation, Rule, RuleFile, RuleGroup, RuleKind, Syntax, load, parse};
pub use error::RuleError;
pub use expand::Expander;
pub use functions::{link_for_expression, table as template_functions};
pub use group::{Group, Outputs, Settings};
pub use humanize::{humanize, humanize_1024, humanize_duration, humanize_percentage};
pub use manager::Manager;
pub use promql_querier::PromqlQuerier;
pub use query::{Answer, ForState, Querier, Vector};
pub use status::{AlertingStatus, GroupStats, GroupStatus, Health, RuleStatus};

#[cfg(test)]
mod tests;
