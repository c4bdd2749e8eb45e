//! Regular expressions as Go reads them: the dialect of RE2 that users of Prometheus, Alertmanager and Loki write.
//!
//! Expressions come from queries, rules, templates and configurations, whose authors know Go's rules. Rust's regex
//! crate matches by the same theory but reads some texts differently: `[^[]` opens a nested class there, `&&` and
//! `--` are set operators, `\w` knows all of Unicode, `\Q` is unknown. So an expression is parsed here by Go's rules
//! and written anew for the regex crate. Costs: one pass over the text, once for each expression that is compiled;
//! matching costs nothing more.
//!
//! Source: the syntax page of Go's package `regexp/syntax` under its flags `Perl`. Refused though Go takes it: a
//! repetition right after flags, as in `a(?i)*`, and a name of a group that begins with a digit.

mod class;
mod escape;

use regex::Regex;

use crate::MatcherError;

/// How often something can be repeated by `{n,m}`, as in Go.
const MAX_REPEAT: u32 = 1000;

/// Why a text is no regular expression, in the words of Go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// A part of the expression means nothing.
    #[error("{what}: `{part}`")]
    Part {
        /// What is wrong.
        what: &'static str,
        /// The part that is.
        part: String,
    },
    /// The expression as a whole is incomplete.
    #[error("{0}")]
    Whole(&'static str),
}

impl SyntaxError {
    /// `rest` begins where `from` ends; the part between them is at fault.
    fn between(what: &'static str, from: &str, rest: &str) -> SyntaxError {
        let part = between(from, rest).to_owned();
        SyntaxError::Part { what, part }
    }
}

/// Compiles `pattern`, not anchored.
///
/// # Errors
/// The pattern does not parse, or its automaton exceeds the regex crate's default size limit.
pub fn compile(pattern: &str) -> Result<Regex, MatcherError> {
    compile_within(pattern, "", "")
}

/// Compiles `pattern` between what is written in the regex crate's own syntax.
pub(crate) fn compile_within(pattern: &str, before: &str, after: &str) -> Result<Regex, MatcherError> {
    let refused = |detail: String| MatcherError {
        pattern: pattern.to_owned(),
        detail,
    };
    let translated = translate(pattern).map_err(|e| refused(e.to_string()))?;
    Regex::new(&format!("{before}{translated}{after}")).map_err(|e| {
        refused(match e {
            regex::Error::CompiledTooBig(limit) => format!("expression needs more than {limit} bytes"),
            // The crate draws where the error is, in a text that the user did not write; the last line says what.
            other => {
                let drawn = other.to_string();
                let last = drawn.lines().last().unwrap_or("syntax error").trim();
                last.strip_prefix("error: ").unwrap_or(last).to_owned()
            }
        })
    })
}

/// Writes an expression of Go's for the regex crate. The result is whole: no group is left open or closed once too
/// often, so that it can stand between `(?s:` and `)`.
///
/// # Errors
/// Go does not accept the expression. Some errors are left for the regex crate to find.
pub fn translate(pattern: &str) -> Result<String, SyntaxError> {
    let mut translator = Translator {
        rest: pattern,
        out: String::with_capacity(pattern.len() + pattern.len() / 2),
        open: 0,
        repeated: None,
        nothing: false,
        may_name_classes: true,
    };
    loop {
        let from = translator.rest;
        let Some(c) = translator.next() else { break };
        translator.element(from, c)?;
    }
    if translator.open > 0 {
        return Err(SyntaxError::Whole("missing closing )"));
    }
    Ok(translator.out)
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    /// How many groups are open.
    open: usize,
    /// The text from the last element on, where that was a repetition.
    repeated: Option<&'p str>,
    /// Whether the last element was nothing that can be repeated, such as flags: Go would repeat what is before it.
    nothing: bool,
    /// Whether there can be a `:]` in the rest: it is looked for in vain once only.
    may_name_classes: bool,
}

impl<'p> Translator<'p> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or("");
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn literal(&mut self, c: char) {
        push_literal(&mut self.out, c);
    }

    /// One element, which begins at `from` with `c`; `c` is read.
    fn element(&mut self, from: &'p str, c: char) -> Result<(), SyntaxError> {
        let repeated = self.repeated.take();
        let nothing = std::mem::take(&mut self.nothing);
        match c {
            '|' | '^' | '$' | '.' => self.out.push(c),
            '(' => self.group(from)?,
            ')' if self.open == 0 => return Err(SyntaxError::Whole("unexpected )")),
            ')' => {
                self.open -= 1;
                self.out.push(c);
            }
            '[' => class::translate(self, from)?,
            '*' | '+' | '?' => self.repetition(from, repeated, nothing)?,
            '{' => match Count::read(self.rest) {
                Some((count, rest)) => {
                    self.rest = rest;
                    if !count.is_possible() {
                        return Err(SyntaxError::between("invalid repeat count", from, rest));
                    }
                    self.repetition(from, repeated, nothing)?;
                }
                None => self.literal(c),
            },
            '\\' => escape::translate(self, from)?,
            literal => self.literal(literal),
        }
        Ok(())
    }

    /// An operator that repeats what is before it; it is read. Go stacks none on another, the regex crate does.
    fn repetition(
        &mut self,
        from: &'p str,
        repeated: Option<&'p str>,
        nothing: bool,
    ) -> Result<(), SyntaxError> {
        if nothing {
            let what = "missing argument to repetition operator";
            return Err(SyntaxError::between(what, from, self.rest));
        }
        self.take("?");
        if let Some(first) = repeated {
            let what = "invalid nested repetition operator";
            return Err(SyntaxError::between(what, first, self.rest));
        }
        self.out.push_str(between(from, self.rest));
        self.repeated = Some(from);
        Ok(())
    }

    /// A group, a group with a name, or flags; the parenthesis is read.
    fn group(&mut self, from: &'p str) -> Result<(), SyntaxError> {
        if !self.take("?") {
            self.out.push('(');
        } else if self.take("P<") || self.take("<") {
            let bad = "invalid named capture";
            let Some((name, rest)) = self.rest.split_once('>') else {
                return Err(SyntaxError::between(bad, from, ""));
            };
            self.rest = rest;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return Err(SyntaxError::between(bad, from, rest));
            }
            self.out.extend(["(?P<", name, ">"]);
        } else {
            return self.flags(from);
        }
        self.open += 1;
        Ok(())
    }

    /// `i-s)` or `i-s:`, in which Go allows repetition and the regex crate does not.
    fn flags(&mut self, from: &'p str) -> Result<(), SyntaxError> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut negated = false;
        loop {
            let flag = self.next();
            match flag {
                Some(c @ ('i' | 'm' | 's' | 'U')) => {
                    let flags = if negated { &mut off } else { &mut on };
                    if !flags.contains(c) {
                        flags.push(c);
                    }
                }
                Some('-') if !negated => negated = true,
                Some(end @ (':' | ')')) if !negated || !off.is_empty() => {
                    // What is turned off last is off.
                    on.retain(|c| !off.contains(c));
                    self.write_flags(&on, &off, end);
                    return Ok(());
                }
                _ => {
                    let what = "invalid or unsupported Perl syntax";
                    return Err(SyntaxError::between(what, from, self.rest));
                }
            }
        }
    }

    fn write_flags(&mut self, on: &str, off: &str, end: char) {
        self.nothing = end == ')';
        if end == ':' {
            self.open += 1;
        } else if on.is_empty() && off.is_empty() {
            return;
        }
        self.out.extend(["(?", on]);
        if !off.is_empty() {
            self.out.extend(["-", off]);
        }
        self.out.push(end);
    }
}

/// What is within `{` and `}`; `None` for a number that is too large to read.
struct Count {
    min: Option<u32>,
    max: Option<u32>,
}

impl Count {
    /// Reads `n}`, `n,}` or `n,m}`; with anything else the brace stands for itself.
    fn read(text: &str) -> Option<(Count, &str)> {
        let len = text
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b',')
            .count();
        let (inner, rest) = text.split_at_checked(len)?;
        let rest = rest.strip_prefix('}')?;
        let (min, max) = match inner.split_once(',') {
            Some((min, "")) => (min, min),
            Some((min, max)) => (min, max),
            None => (inner, inner),
        };
        let is_number = |text: &str| {
            let leading_zero = text.len() > 1 && text.starts_with('0');
            !text.is_empty() && !leading_zero && text.bytes().all(|b| b.is_ascii_digit())
        };
        let count = || Count {
            min: min.parse().ok(),
            max: max.parse().ok(),
        };
        (is_number(min) && is_number(max)).then(|| (count(), rest))
    }

    fn is_possible(&self) -> bool {
        matches!((self.min, self.max), (Some(min), Some(max)) if min <= max && max <= MAX_REPEAT)
    }
}

/// The text that begins with `from` and ends where `rest`, its own end, begins.
fn between<'p>(from: &'p str, rest: &str) -> &'p str {
    from.get(..from.len().saturating_sub(rest.len())).unwrap_or(from)
}

/// A character that stands for itself, within a class and outside.
fn push_literal(out: &mut String, c: char) {
    let special = "\\.+*?()|[]{}^$#&-~";
    if special.contains(c) {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests;
