//! What is wrong with a rule file.

use std::fmt;

/// One thing that is wrong with a rule file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError {
    /// The file's path as it was given.
    pub file: String,
    /// From 1; 0 where the error is about the file as a whole.
    pub line: u64,
    /// From 1; 0 where it is not known.
    pub column: u64,
    /// The group, or "".
    pub group: String,
    /// The rule's number in its group from 1, and its name, which may be "".
    pub rule: Option<(usize, String)>,
    /// What is wrong.
    pub message: String,
}

/// `rules.yml: 4:7: group "disk", rule 2, "DiskFull": could not parse expression: …`
impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if self.line > 0 {
            write!(f, "{}:{}: ", self.line, self.column)?;
        }
        if let Some((number, name)) = &self.rule {
            write!(f, "group {:?}, rule {number}, {name:?}: ", self.group)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}
