//! What the shape of a rule file does not say: names, expressions, templates, and what goes with what.

use std::collections::{BTreeMap, BTreeSet};

use model::labels::{METRIC_NAME, is_legacy_label_name, is_legacy_metric_name};
use yaml::{Located, PromDuration};

use super::config::{
    NameValidation, RawFile, RawGroup, RawLabels, RawRule, Rule, RuleFile, RuleGroup, RuleKind, Syntax,
};
use super::expand::Text;
use super::{RuleError, functions};
use crate::template::Functions;

/// A line and a column.
type Place = (u64, u64);

/// Checks everything and gives all that is wrong, or the file.
pub(super) fn validate(path: &str, raw: RawFile, syntax: Syntax) -> Result<RuleFile, Vec<RuleError>> {
    let mut check = Check {
        path,
        syntax,
        functions: functions::for_checks(),
        group: String::new(),
        rule: None,
        errors: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let groups: Vec<RuleGroup> = raw
        .groups
        .into_iter()
        .map(|group| check.group(group, &mut seen))
        .collect();
    if check.errors.is_empty() {
        Ok(RuleFile {
            path: path.to_owned(),
            groups,
        })
    } else {
        Err(check.errors)
    }
}

struct Check<'a> {
    path: &'a str,
    syntax: Syntax,
    functions: Functions,
    group: String,
    rule: Option<(usize, String)>,
    errors: Vec<RuleError>,
}

fn place<T>(located: &Located<T>) -> Place {
    (located.referenced.line(), located.referenced.column())
}

impl Check<'_> {
    fn error(&mut self, (line, column): Place, message: impl Into<String>) {
        self.errors.push(RuleError {
            file: self.path.to_owned(),
            line,
            column,
            group: self.group.clone(),
            rule: self.rule.clone(),
            message: message.into(),
        });
    }

    fn group(&mut self, raw: RawGroup, seen: &mut BTreeSet<String>) -> RuleGroup {
        self.rule = None;
        let name = raw.name.as_ref().map_or("", |n| n.value.as_str()).to_owned();
        let at = raw.name.as_ref().map_or((0, 0), place);
        self.group.clone_from(&name);
        if name.is_empty() {
            self.error(at, "Groupname must not be empty");
        }
        if !seen.insert(name.clone()) {
            self.error(at, format!("groupname: \"{name}\" is repeated in the same file"));
        }
        let limit = raw.limit.as_ref().map_or(0, |l| l.value);
        if limit < 0 {
            self.error(raw.limit.as_ref().map_or(at, place), "limit must not be negative");
        }
        let labels = self.labels(at, raw.labels);
        let rules = raw
            .rules
            .into_iter()
            .enumerate()
            .map(|(i, rule)| self.rule(i + 1, rule, &labels))
            .collect();
        RuleGroup {
            name,
            interval_ms: raw.interval.map(PromDuration::as_millis).filter(|ms| *ms > 0),
            query_offset_ms: raw.query_offset.map(PromDuration::as_millis),
            limit: usize::try_from(limit).unwrap_or(0),
            rules,
        }
    }

    fn rule(&mut self, number: usize, raw: Located<RawRule>, group: &BTreeMap<String, String>) -> Rule {
        let at = place(&raw);
        let raw = raw.value;
        let given = |name: Option<Located<String>>| name.filter(|n| !n.value.is_empty());
        let (record, alert) = (given(raw.record), given(raw.alert));
        let name = record
            .as_ref()
            .or(alert.as_ref())
            .map_or_else(String::new, |n| n.value.clone());
        self.rule = Some((number, name.clone()));
        match (&record, &alert) {
            (Some(record), Some(_)) => {
                self.error(place(record), "only one of 'record' and 'alert' must be set")
            }
            (None, None) => self.error(at, "one of 'record' or 'alert' must be set"),
            _ => {}
        }
        let expr = self.expression(at, given(raw.expr));
        let for_ms = raw.for_.unwrap_or_default().as_millis();
        let keep_firing_for_ms = raw.keep_firing_for.unwrap_or_default().as_millis();
        if let Some(record) = &record {
            let fields = [
                ("annotations", !raw.annotations.is_empty()),
                ("for", for_ms != 0),
                ("keep_firing_for", keep_firing_for_ms != 0),
            ];
            for (field, _) in fields.iter().filter(|(_, set)| *set) {
                self.error(at, format!("invalid field '{field}' in recording rule"));
            }
            self.record_name(record);
        }
        let own = self.labels(at, raw.labels);
        let annotations = self.annotations(at, raw.annotations);
        if alert.is_some() {
            for (what, texts) in [("label", &own), ("annotation", &annotations)] {
                self.templates(at, what, texts);
            }
        }
        let mut labels = group.clone();
        labels.extend(own);
        let kind = match record {
            Some(_) => RuleKind::Recording,
            None => {
                let annotations = annotations.into_iter().collect();
                RuleKind::Alerting {
                    for_ms,
                    keep_firing_for_ms,
                    annotations,
                }
            }
        };
        Rule {
            name,
            expr,
            labels: labels.into_iter().collect(),
            kind,
        }
    }

    fn expression(&mut self, at: Place, expr: Option<Located<String>>) -> String {
        let Some(expr) = expr else {
            self.error(at, "field 'expr' must be set in rule");
            return String::new();
        };
        match promql::parse_with(&expr.value, &self.syntax.language) {
            Ok(parsed) => parsed.to_string(),
            Err(why) => {
                self.error(place(&expr), format!("could not parse expression: {why}"));
                expr.value
            }
        }
    }

    fn record_name(&mut self, record: &Located<String>) {
        let name = &record.value;
        let valid = match self.syntax.names {
            NameValidation::Utf8 => !name.is_empty(),
            NameValidation::Legacy => is_legacy_metric_name(name),
        };
        if !valid {
            self.error(place(record), format!("invalid recording rule name: {name}"));
        } else if name.contains(['{', '}']) {
            // Valid since names may be any UTF-8, but what was meant is an expression.
            let message = format!("braces present in the recording rule name; should it be in expr?: {name}");
            self.error(place(record), message);
        }
    }

    fn valid_name(&self, name: &str) -> bool {
        match self.syntax.names {
            NameValidation::Utf8 => !name.is_empty(),
            NameValidation::Legacy => is_legacy_label_name(name),
        }
    }

    fn labels(&mut self, at: Place, raw: RawLabels) -> BTreeMap<String, String> {
        self.texts(
            at,
            raw,
            |check, name| check.valid_name(name) && name != METRIC_NAME,
            "label",
        )
    }

    fn annotations(&mut self, at: Place, raw: RawLabels) -> BTreeMap<String, String> {
        self.texts(at, raw, |check, name| check.valid_name(name), "annotation")
    }

    fn texts(
        &mut self,
        at: Place,
        raw: RawLabels,
        valid: impl Fn(&Self, &str) -> bool,
        what: &str,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (name, value) in raw {
            if !valid(self, &name) {
                self.error(
                    value.as_ref().map_or(at, place),
                    format!("invalid {what} name: {name}"),
                );
            }
            texts.insert(name, value.map(|v| v.value).unwrap_or_default());
        }
        texts
    }

    fn templates(&mut self, at: Place, what: &str, texts: &BTreeMap<String, String>) {
        for (name, text) in texts {
            if let Err(why) = Text::parse(&format!("__alert_{name}"), text, Some(&self.functions)) {
                self.error(at, format!("{what} \"{name}\": {why}"));
            }
        }
    }
}
