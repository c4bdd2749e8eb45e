//! Output, and in HTML mode the escaping of what actions print for the place where it lands.
//!
//! The output is followed byte by byte by a small recogniser of tags, attributes and comments, so that a value
//! is escaped as element text, attribute value, URL or style as `html/template` would. Values within `<script>`
//! elements and event handlers are refused: no notification needs them.

use super::{Mode, Value, print_value};

/// What stands in the output for a value that is not safe in its place, as in Go.
const UNSAFE: &str = "ZgotmplZ";

/// The text written so far and, in HTML mode, where in the HTML it ends.
pub(super) struct Output {
    text: String,
    html: Option<Recogniser>,
}

impl Output {
    pub(super) fn new(mode: Mode) -> Self {
        Output {
            text: String::new(),
            html: (mode == Mode::Html).then(Recogniser::default),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// The template's own text.
    pub(super) fn literal(&mut self, text: &str) {
        if let Some(html) = &mut self.html {
            html.feed(text);
        }
        self.text.push_str(text);
    }

    /// What an action prints; an error says why it cannot stand here.
    pub(super) fn value(&mut self, value: &Value) -> Result<(), &'static str> {
        let text = match &self.html {
            None => print_value(value),
            // An absent value prints as nothing in HTML.
            Some(html) => html.escape(value)?,
        };
        self.literal(&text);
        Ok(())
    }
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Text,
    /// Behind `<`.
    TagOpen,
    /// Behind `<!`, in something that ends with `>`.
    Markup,
    Comment,
    TagName,
    /// Between attributes.
    Tag,
    AttrName,
    /// Behind an attribute's name and white space.
    AfterName,
    /// Behind `=`.
    BeforeValue,
    /// In a value, with its quote, 0 for none.
    Value(u8),
    /// In the text of an element that holds no tags: `script`, `style`, `textarea`, `title`.
    Raw,
}

#[derive(Default)]
struct Recogniser {
    state: State,
    /// Lower case.
    tag: String,
    /// Lower case.
    attr: String,
    /// What the attribute's value, the comment or the raw text has so far; only its end where that suffices.
    seen: String,
    closing: bool,
}

impl Recogniser {
    fn feed(&mut self, text: &str) {
        for c in text.chars() {
            self.step(c);
        }
    }

    fn enter(&mut self, state: State) {
        self.seen.clear();
        self.state = state;
    }

    fn step(&mut self, c: char) {
        let lower = c.to_ascii_lowercase();
        match self.state {
            State::Text if c == '<' => self.enter(State::TagOpen),
            State::Text => {}
            State::TagOpen => match c {
                '!' => self.enter(State::Markup),
                '/' if self.seen.is_empty() => self.seen.push('/'),
                c if c.is_ascii_alphabetic() => {
                    self.closing = self.seen == "/";
                    self.tag = lower.to_string();
                    self.enter(State::TagName);
                }
                '<' => self.enter(State::TagOpen),
                _ => self.enter(State::Text),
            },
            State::Markup => {
                self.seen.push(c);
                match self.seen.as_str() {
                    "--" => self.enter(State::Comment),
                    _ if c == '>' => self.enter(State::Text),
                    _ => {}
                }
            }
            State::Comment => {
                self.remember(c);
                if self.seen.ends_with("-->") {
                    self.enter(State::Text);
                }
            }
            State::TagName => match c {
                '>' => self.tag_end(),
                c if c.is_ascii_whitespace() || c == '/' => self.state = State::Tag,
                _ => self.tag.push(lower),
            },
            State::Tag => self.between_attributes(c, lower),
            State::AttrName => match c {
                '>' => self.tag_end(),
                '=' => self.enter(State::BeforeValue),
                c if c.is_ascii_whitespace() => self.state = State::AfterName,
                _ => self.attr.push(lower),
            },
            State::AfterName => match c {
                '=' => self.enter(State::BeforeValue),
                _ => self.between_attributes(c, lower),
            },
            State::BeforeValue => match c {
                '"' => self.enter(State::Value(b'"')),
                '\'' => self.enter(State::Value(b'\'')),
                '>' => self.tag_end(),
                c if c.is_ascii_whitespace() => {}
                _ => {
                    self.enter(State::Value(0));
                    self.seen.push(c);
                }
            },
            State::Value(0) if c == '>' => self.tag_end(),
            State::Value(0) if c.is_ascii_whitespace() => self.enter(State::Tag),
            State::Value(quote) if quote != 0 && c == char::from(quote) => self.enter(State::Tag),
            State::Value(_) => self.seen.push(c),
            State::Raw => {
                self.remember(lower);
                if self.seen.ends_with(&format!("</{}", self.tag)) {
                    self.closing = true;
                    self.enter(State::Tag);
                }
            }
        }
    }

    /// Keeps the last characters only, as many as the longest end looked for.
    fn remember(&mut self, c: char) {
        const ENOUGH: usize = 64;
        self.seen.push(c);
        if self.seen.len() > ENOUGH {
            let cut = (self.seen.len() - ENOUGH / 2..)
                .find(|i| self.seen.is_char_boundary(*i))
                .unwrap_or(0);
            self.seen.drain(..cut);
        }
    }

    fn between_attributes(&mut self, c: char, lower: char) {
        match c {
            '>' => self.tag_end(),
            c if c.is_ascii_whitespace() || c == '/' => {}
            _ => {
                self.attr = lower.to_string();
                self.state = State::AttrName;
            }
        }
    }

    fn tag_end(&mut self) {
        let raw = matches!(self.tag.as_str(), "script" | "style" | "textarea" | "title") && !self.closing;
        self.enter(if raw { State::Raw } else { State::Text });
    }

    /// The text of `value` for this place.
    fn escape(&self, value: &Value) -> Result<String, &'static str> {
        let text = match value {
            Value::Nil => String::new(),
            other => print_value(other),
        };
        let is_html = matches!(value, Value::Html(_));
        match self.state {
            State::Text if is_html => Ok(text),
            State::Text | State::TagOpen => Ok(escape_value(&text)),
            State::Markup | State::Comment => Ok(String::new()),
            State::Raw => match self.tag.as_str() {
                "script" => Err("actions within <script> are not supported"),
                "style" => Ok(style(&text)),
                _ => Ok(escape_value(&text)),
            },
            State::TagName | State::Tag | State::AttrName | State::AfterName => Ok(name_part(&text)),
            State::BeforeValue | State::Value(_) => {
                let text = match self.attribute() {
                    Attribute::Event => return Err("actions within event handlers are not supported"),
                    Attribute::Style => style(&text),
                    Attribute::Url => self.url(&text, is_html),
                    Attribute::Plain if is_html => without_tags(&text),
                    Attribute::Plain => text,
                };
                Ok(match self.state {
                    State::BeforeValue | State::Value(0) => escape_unquoted(&text),
                    _ => escape_value(&text),
                })
            }
        }
    }

    fn attribute(&self) -> Attribute {
        let name = self.attr.strip_prefix("data-").unwrap_or(&self.attr);
        let name = name.rsplit(':').next().unwrap_or(name);
        match name {
            "style" => Attribute::Style,
            "action" | "archive" | "background" | "cite" | "classid" | "codebase" | "data" | "formaction"
            | "href" | "icon" | "longdesc" | "manifest" | "poster" | "profile" | "src" | "srcset"
            | "usemap" | "xmlns" => Attribute::Url,
            _ if name.starts_with("on") => Attribute::Event,
            _ if name.contains("src") || name.contains("uri") || name.contains("url") => Attribute::Url,
            _ => Attribute::Plain,
        }
    }

    /// A URL, or a part of one: in the query everything reserved is encoded, unless it was already, and before it
    /// the parts stay parts.
    fn url(&self, text: &str, encoded: bool) -> String {
        if self.seen.contains(['?', '#']) {
            return encode_url(text, encoded);
        }
        if self.seen.trim().is_empty()
            && let Some((scheme, _)) = text.split_once(':')
            && !scheme.contains('/')
            && !["http", "https", "mailto"]
                .iter()
                .any(|safe| scheme.eq_ignore_ascii_case(safe))
        {
            return format!("#{UNSAFE}");
        }
        encode_url(text, true)
    }
}

enum Attribute {
    Plain,
    Url,
    Style,
    Event,
}

/// Element text and quoted attribute values.
pub(super) fn escape_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\0' => out.push('\u{fffd}'),
            '"' => out.push_str("&#34;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&#39;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
    out
}

/// As [`escape_text`], and `+`, which some old browsers took for the beginning of an encoding.
fn escape_value(text: &str) -> String {
    escape_text(text).replace('+', "&#43;")
}

/// Attribute values without quotes; an empty one would swallow what follows.
fn escape_unquoted(text: &str) -> String {
    if text.is_empty() {
        return UNSAFE.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in escape_text(text).chars() {
        match c {
            '\t' | '\n' | '\x0b' | '\x0c' | '\r' | ' ' | '+' | '=' | '`' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}

/// Part of a tag's or attribute's name: letters and digits, of attributes none that would be active.
fn name_part(text: &str) -> String {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let lower = text.to_ascii_lowercase();
    let active = lower.starts_with("on") || matches!(lower.as_str(), "style" | "href" | "src" | "action");
    if plain && !active {
        text.to_owned()
    } else {
        UNSAFE.to_owned()
    }
}

/// A value in CSS: nothing that could end a declaration or fetch anything.
fn style(text: &str) -> String {
    let safe =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '#' | '.' | ',' | '%' | '-' | '_' | '+' | '!');
    let lower = text.to_ascii_lowercase();
    let active = lower.contains("expression") || lower.contains("moz-binding");
    if text.chars().all(safe) && !active {
        text.to_owned()
    } else {
        UNSAFE.to_owned()
    }
}

/// Percent-encodes; with `keep_reserved`, delimiters of URLs and existing encodings stay.
fn encode_url(text: &str, keep_reserved: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() + 16);
    for (i, &b) in bytes.iter().enumerate() {
        let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
        let keep = match b {
            b'-' | b'.' | b'_' | b'~' => true,
            b'!' | b'#' | b'$' | b'&' | b'*' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@'
            | b'[' | b']' => keep_reserved,
            b'%' => keep_reserved && hex(i + 1) && hex(i + 2),
            b => b.is_ascii_alphanumeric(),
        };
        match keep {
            true => out.push(char::from(b)),
            false => out.push_str(&format!("%{b:02x}")),
        }
    }
    out
}

/// The text of a piece of HTML, for an attribute.
fn without_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => inside = true,
            '>' if inside => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out
}
