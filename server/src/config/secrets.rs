//! The configuration as it may be shown: secrets replaced by `<secret>`, as Prometheus does.

/// Keys whose value nobody is shown.
const SECRET_KEYS: &[&str] = &[
    "password",
    "credentials",
    "bearer_token",
    "client_secret",
    "secret_key",
    "secret",
    "auth_token",
    "api_key",
    "token",
];

const SHOWN: &str = "<secret>";

/// The text with the value behind each secret key replaced, in block and flow style, plain, quoted or over several
/// lines. Works on the text, so that comments and order stay.
pub(crate) fn redacted(yaml: &str) -> String {
    let mut out = String::with_capacity(yaml.len());
    // The column of a secret key whose value goes on over the following, deeper lines.
    let mut skipping: Option<usize> = None;
    for line in yaml.lines() {
        let indent = line.len() - line.trim_start().len();
        if skipping.is_some_and(|column| line.trim().is_empty() || indent > column) {
            continue;
        }
        let (shown, open_key) = redact_line(line);
        skipping = open_key;
        out.push_str(&shown);
        out.push('\n');
    }
    out
}

/// The line without its secrets and, where the last one may go on below, the column of its key.
fn redact_line(line: &str) -> (String, Option<usize>) {
    let mut out = String::new();
    let mut rest = line;
    let mut open_key = None;
    while let Some((key_at, value_at)) = find_secret(rest) {
        let (before, value) = rest.split_at(value_at);
        out.push_str(before);
        let column = line.len() - rest.len() + key_at;
        let end = value_end(value);
        let blank = value.len() - value.trim_start().len();
        if value[..end].trim().is_empty() {
            // Nothing on this line: the value, if any, stands below.
            open_key = Some(column);
        } else {
            out.push_str(&value[..blank]);
            out.push_str(SHOWN);
            open_key = Some(column).filter(|_| end == value.len());
        }
        rest = &value[end..];
    }
    out.push_str(rest);
    (out, open_key)
}

/// Where the next secret key begins, and where what is behind its colon does.
fn find_secret(text: &str) -> Option<(usize, usize)> {
    let keys = SECRET_KEYS.iter().filter_map(|key| {
        text.match_indices(key).find_map(|(at, _)| {
            let quote = text[..at].ends_with(['"', '\'']);
            let starts = text[..at - usize::from(quote)].chars().next_back();
            let alone = starts.is_none_or(|c| c.is_whitespace() || matches!(c, '{' | ',' | '-'));
            let behind = text[at + key.len()..].trim_start_matches(['"', '\'']);
            let colon = behind.trim_start().strip_prefix(':')?;
            let ends = colon.is_empty() || colon.starts_with(char::is_whitespace) || quote;
            (alone && ends).then_some((at, text.len() - colon.len()))
        })
    });
    keys.min()
}

/// Where a value ends within its line: at its closing quote, or where flow style goes on.
fn value_end(value: &str) -> usize {
    let start = value.len() - value.trim_start().len();
    let Some(first) = value[start..].chars().next() else {
        return value.len();
    };
    if first == '"' || first == '\'' {
        let mut escaped = false;
        for (at, c) in value.char_indices().skip_while(|(at, _)| *at <= start) {
            match c {
                _ if escaped => escaped = false,
                '\\' if first == '"' => escaped = true,
                c if c == first => return at + 1,
                _ => {}
            }
        }
        return value.len();
    }
    value.find([',', '}']).unwrap_or(value.len())
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn secrets_are_not_shown_however_they_are_written() {
        let yaml = r#"scrape_configs:
  - job_name: a # the password: is below
    basic_auth:
      username: me
      password: hunter2
    authorization: {type: Bearer, credentials: "hun,ter}2", x: y}
    bearer_token: |
      hunter2
      hunter2
    password_file: /etc/password
    "password": 'hunter2'
    oauth2:
      client_secret:
        hunter2
      client_id: id
"#;
        let shown = redacted(yaml);
        assert!(!shown.contains("hunter2") && !shown.contains("ter}2"), "{shown}");
        for kept in [
            "username: me",
            "type: Bearer",
            "x: y",
            "password_file: /etc/password",
            "client_id: id",
        ] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
        // The comment's too: what looks like a secret in a comment may have been one.
        assert_eq!(shown.matches("<secret>").count(), 5, "{shown}");
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is() {
        let yaml = "global:\n  scrape_interval: 15s\n\nrule_files: [tokens.yml]\n";
        assert_eq!(redacted(yaml), yaml);
    }
}
