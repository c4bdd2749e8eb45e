//! Data of others on its way in.

pub mod prometheus;
