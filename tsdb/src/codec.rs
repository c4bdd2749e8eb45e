//! Columns of numbers as few bytes.
