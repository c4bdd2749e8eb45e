//! The head against a plain map, and what it promises one by one.

mod fixture;
mod forgetting;
mod model;
mod records;
mod rules;
mod runs;
mod threads;
