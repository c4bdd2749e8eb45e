//! Where and why a template was refused or failed.

/// What is wrong with a template, and where. `line` and `col` count from 1 (columns in bytes).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: {name}:{line}:{col}: {message}")]
pub struct TemplateError {
    /// The template's name.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// From 1, in bytes.
    pub col: usize,
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    /// The error at byte `offset` of `text`.
    pub(super) fn at(name: &str, text: &str, offset: usize, message: impl Into<String>) -> TemplateError {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let col = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
        TemplateError {
            name: name.to_owned(),
            line,
            col,
            message: message.into(),
        }
    }
}
