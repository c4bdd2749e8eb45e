//! Where a part of a query stands in its text.

/// Where an expression stands in the text of its query: bytes, the end exclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

impl Span {
    /// From the beginning of this one to the end of `other`.
    pub(crate) fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end,
        }
    }

    /// The line and the column of the first byte, both counted from 1, columns in bytes: what Prometheus writes as
    /// `line:col` before parse errors and after annotations.
    pub fn line_col(self, query: &str) -> (usize, usize) {
        let start = (self.start as usize).min(query.len());
        let before = query.as_bytes().get(..start).unwrap_or_default();
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = match before.iter().rposition(|b| *b == b'\n') {
            Some(newline) => start - newline,
            None => start + 1,
        };
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one() {
        let at = |start, query| Span { start, end: start }.line_col(query);
        assert_eq!(at(0, ""), (1, 1));
        assert_eq!(at(3, "abcd"), (1, 4));
        assert_eq!(at(2, "a\nb"), (2, 1));
        assert_eq!(at(5, "é\n\nb"), (3, 2));
        assert_eq!(at(99, "ab"), (1, 3));
    }
}
