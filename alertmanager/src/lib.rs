//! From rules to pages: evaluates recording and alerting rules, then routes, groups, inhibits, silences and
//! delivers what fires.
//!
//! The flow is one-way: [`rules`] evaluate PromQL every interval and hand [`alert::Alert`]s to an
//! [`alert::AlertSink`]; everything behind that sink decides who hears of them. Decisions are functions of data
//! and time; tasks, sockets and files live in thin shells around them. [`template`] is the text language that
//! both halves share.

pub mod alert;
pub mod config;
pub mod dispatch;
pub mod group;
pub mod inhibit;
pub mod matchers;
pub mod mute;
pub mod nflog;
pub mod notifications;
pub mod notify;
pub mod route;
pub mod rules;
pub mod silence;
pub mod template;

pub use alert::{Alert, AlertSink, AlertStatus};
pub use notifications::{Notifications, NotificationsOptions};
