//! Values as text: Go's `print` and `printf`.

use super::bounded::MAX_TEXT;
use super::number::{exponent, fixed, format_float, general, general_shortest};
use super::time::{format_duration, time_string};
use super::{Object, Value};

/// Widths and precisions beyond this are refused, as in Go.
const MAX_WIDTH: usize = 1_000_000;

/// What an action prints for a value: `<no value>` for nothing, Go's `%v` otherwise.
pub fn print_value(value: &Value) -> String {
    match value {
        Value::Nil => "<no value>".to_owned(),
        other => plain(other),
    }
}

/// Go's `%v`.
pub(super) fn plain(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Ends early where nobody wants to read on: what holds another thing twice at every level is small in memory and
/// endless on paper.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Bool(b) => out.push_str(&b.to_string()),
        Value::Int(i) => out.push_str(&i.to_string()),
        Value::Float(x) => out.push_str(&format_float(*x)),
        Value::String(text) | Value::Html(text) => out.push_str(text),
        Value::List(items) => write_all("[", items.iter(), "]", out),
        Value::Map(map) => {
            out.push_str("map[");
            for (i, (key, value)) in map.entries.iter().enumerate() {
                if out.len() > MAX_TEXT {
                    return;
                }
                out.push_str(if i > 0 { " " } else { "" });
                out.push_str(key);
                out.push(':');
                write(value, out);
            }
            out.push(']');
        }
        Value::Time(at) => out.push_str(&time_string(at)),
        Value::Duration(ns) => out.push_str(&format_duration(*ns)),
        Value::Object(object) => write_object(&**object, out),
    }
}

fn write_all<'a>(open: &str, items: impl Iterator<Item = &'a Value>, close: &str, out: &mut String) {
    out.push_str(open);
    let mut between = "";
    for item in items {
        if out.len() > MAX_TEXT {
            return;
        }
        out.push_str(between);
        between = " ";
        write(item, out);
    }
    out.push_str(close);
}

/// A thing with a method `String` prints as what that gives, as Go's `fmt.Stringer` does; any other as what stands
/// behind it, or as its fields.
fn write_object(object: &dyn Object, out: &mut String) {
    if let Some(text) = own_text(object) {
        return write(&text, out);
    }
    match object.underlying() {
        Value::Nil => {
            let fields: Vec<Value> = object
                .fields()
                .iter()
                .filter_map(|name| object.field(name))
                .collect();
            write_all("{", fields.iter(), "}", out);
        }
        underlying => write(&underlying, out),
    }
}

fn own_text(object: &dyn Object) -> Option<Value> {
    object.method("String", &[])?.ok()
}

fn bracketed(items: &[Value], show: impl Fn(&Value) -> String) -> String {
    let items: Vec<String> = items.iter().map(show).collect();
    format!("[{}]", items.join(" "))
}

/// Go's `Sprint`: a space between two operands of which neither is text.
pub(super) fn sprint(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, arg) in args.iter().enumerate() {
        if out.len() > MAX_TEXT {
            return out;
        }
        let text = |v: &Value| matches!(v, Value::String(_) | Value::Html(_));
        if i > 0 && !text(arg) && !args.get(i - 1).is_some_and(text) {
            out.push(' ');
        }
        write(arg, &mut out);
    }
    out
}

/// Go's `Sprintln`: spaces between all operands, and a line break.
pub(super) fn sprintln(args: &[Value]) -> String {
    let mut out = String::new();
    write_all("", args.iter(), "\n", &mut out);
    out
}

#[derive(Default, Clone, Copy)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Go's `Sprintf`, mistakes included: a verb that does not suit its operand prints as `%!d(string=x)`.
pub fn sprintf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = format;
    let mut next = 0;
    while let Some(percent) = rest.find('%') {
        out.push_str(rest.get(..percent).unwrap_or(""));
        rest = rest.get(percent + 1..).unwrap_or("");
        if out.len() > MAX_TEXT {
            return out;
        }
        let spec = Spec::read(&mut rest, args, &mut next);
        let Some(verb) = rest.chars().next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        rest = rest.get(verb.len_utf8()..).unwrap_or("");
        if verb == '%' {
            out.push('%');
            continue;
        }
        match args.get(next) {
            Some(arg) => out.push_str(&spec.show(verb, arg)),
            None => out.push_str(&format!("%!{verb}(MISSING)")),
        }
        next += 1;
    }
    out.push_str(rest);
    if let Some(extra) = args.get(next..).filter(|extra| !extra.is_empty()) {
        let extra: Vec<String> = extra.iter().map(typed).collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

/// `int=5`, as Go shows an operand it cannot format.
fn typed(value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        other => format!("{}={}", other.type_name(), plain(other)),
    }
}

impl Spec {
    /// Flags, width and precision at the head of `rest`; `*` takes the next argument.
    fn read(rest: &mut &str, args: &[Value], next: &mut usize) -> Spec {
        let mut spec = Spec::default();
        while let Some(flag) = rest.chars().next() {
            match flag {
                '-' => spec.minus = true,
                '+' => spec.plus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            *rest = rest.get(1..).unwrap_or("");
        }
        spec.width = number(rest, args, next);
        if let Some(tail) = rest.strip_prefix('.') {
            *rest = tail;
            spec.precision = Some(number(rest, args, next).unwrap_or(0));
        }
        spec
    }

    fn show(&self, verb: char, value: &Value) -> String {
        if let Value::Object(object) = value
            && matches!(verb, 's' | 'q' | 'v' | 'x' | 'X')
            && let Some(text) = own_text(&**object)
        {
            return self.show(verb, &text);
        }
        if let Value::List(items) = value.resolved()
            && !matches!(verb, 'T' | 'v' | 'p')
        {
            return bracketed(&items, |item| self.show(verb, item));
        }
        if verb == 'v' && self.plus {
            // With this verb the flag is about the fields of structures.
            return Spec { plus: false, ..*self }.show(verb, value);
        }
        match (verb, value) {
            ('T', _) => self.pad_text(self.cut(value.type_name().to_owned())),
            ('v', _) => self.general(value),
            ('d', Value::Int(i)) => self.integer(*i, 10, false),
            ('t', Value::Bool(b)) => self.pad_text(b.to_string()),
            ('d', Value::Duration(ns)) => self.integer(*ns, 10, false),
            ('s', Value::String(_) | Value::Html(_) | Value::Time(_) | Value::Duration(_)) => {
                self.pad_text(self.cut(plain(value)))
            }
            ('s', Value::Map(_) | Value::Object(_)) => self.pad_text(plain(value)),
            ('q', Value::String(text) | Value::Html(text)) => {
                self.pad_text(quote(&self.cut(text.to_string())))
            }
            ('x' | 'X', Value::String(text) | Value::Html(text)) => {
                let bytes = text.bytes().take(self.precision.unwrap_or(usize::MAX));
                let hex: String = bytes.map(|b| format!("{b:02x}")).collect();
                self.pad_text(if verb == 'X' { hex.to_uppercase() } else { hex })
            }
            ('x' | 'X', Value::Int(i)) => self.integer(*i, 16, verb == 'X'),
            ('o', Value::Int(i)) => self.integer(*i, 8, false),
            ('b', Value::Int(i)) => self.integer(*i, 2, false),
            ('c' | 'q' | 'U', Value::Int(i)) => {
                let c = u32::try_from(*i)
                    .ok()
                    .and_then(char::from_u32)
                    .unwrap_or(char::REPLACEMENT_CHARACTER);
                self.pad_text(match verb {
                    'c' => c.to_string(),
                    'q' => format!("{c:?}"),
                    _ => format!("U+{:04X}", u32::from(c)),
                })
            }
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', Value::Float(x)) => self.number(self.float(verb, *x)),
            (_, Value::Nil) => format!("%!{verb}(<nil>)"),
            _ => format!("%!{verb}({}={})", value.type_name(), self.general(value)),
        }
    }

    /// `%v`, and what is shown of an operand that does not suit its verb.
    fn general(&self, value: &Value) -> String {
        match value {
            Value::Float(x) => self.number(self.float('g', *x)),
            Value::Int(i) => self.integer(*i, 10, false),
            Value::String(text) if self.sharp => self.pad_text(quote(text)),
            Value::String(_) | Value::Html(_) => self.pad_text(self.cut(plain(value))),
            _ => self.pad_text(plain(value)),
        }
    }

    fn float(&self, verb: char, x: f64) -> String {
        match (verb, self.precision) {
            ('e', p) => exponent(x, Some(p.unwrap_or(6)), 'e'),
            ('E', p) => exponent(x, Some(p.unwrap_or(6)), 'E'),
            ('f' | 'F', p) => fixed(x, Some(p.unwrap_or(6))),
            ('g' | 'G', None) if self.sharp => general(x, 6, if verb == 'G' { 'E' } else { 'e' }, true),
            ('G', None) => general_shortest(x, 'E'),
            ('G', Some(p)) => general(x, p, 'E', self.sharp),
            (_, None) => general_shortest(x, 'e'),
            (_, Some(p)) => general(x, p, 'e', self.sharp),
        }
    }

    fn integer(&self, i: i64, radix: u32, upper: bool) -> String {
        let digits = match radix {
            2 => format!("{:b}", i.unsigned_abs()),
            8 => format!("{:o}", i.unsigned_abs()),
            16 if upper => format!("{:X}", i.unsigned_abs()),
            16 => format!("{:x}", i.unsigned_abs()),
            _ => i.unsigned_abs().to_string(),
        };
        let prefix = match (self.sharp, radix, upper) {
            (true, 16, false) => "0x",
            (true, 16, true) => "0X",
            (true, 8, _) => "0",
            (true, 2, _) => "0b",
            _ => "",
        };
        let fill = "0".repeat(self.precision.unwrap_or(0).saturating_sub(digits.len()));
        let sign = if i < 0 { "-" } else { "" };
        self.number(format!("{sign}{prefix}{fill}{digits}"))
    }

    /// Sign and padding of a finished number.
    fn number(&self, mut text: String) -> String {
        if self.space && !self.plus && text.starts_with('+') {
            text.replace_range(..1, " ");
        }
        if !text.starts_with(['-', '+', ' ']) {
            if self.plus {
                text.insert(0, '+');
            } else if self.space {
                text.insert(0, ' ');
            }
        }
        // Infinities and NaN do not look like numbers and are not filled with zeros.
        let finite = !text.contains(['I', 'N']);
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        if self.zero && !self.minus && finite {
            let at = usize::from(text.starts_with(['-', '+', ' ']));
            text.insert_str(at, &"0".repeat(missing));
            return text;
        }
        self.pad(text, ' ')
    }

    fn cut(&self, text: String) -> String {
        match self.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text,
        }
    }

    /// Zeros before text are odd, but what Go does.
    fn pad_text(&self, text: String) -> String {
        self.pad(text, if self.zero && !self.minus { '0' } else { ' ' })
    }

    fn pad(&self, text: String, fill: char) -> String {
        let missing = self.width.unwrap_or(0).saturating_sub(text.chars().count());
        let fill = fill.to_string().repeat(missing);
        if self.minus { text + &fill } else { fill + &text }
    }
}

/// Digits, or `*` for the next argument.
fn number(rest: &mut &str, args: &[Value], next: &mut usize) -> Option<usize> {
    if let Some(tail) = rest.strip_prefix('*') {
        *rest = tail;
        let value = args.get(*next).cloned();
        *next += 1;
        return match value {
            Some(Value::Int(i)) => usize::try_from(i).ok().filter(|w| *w <= MAX_WIDTH),
            _ => None,
        };
    }
    let len = rest.bytes().take_while(u8::is_ascii_digit).count();
    let digits = rest.get(..len).unwrap_or("");
    *rest = rest.get(len..).unwrap_or("");
    digits.parse().ok().filter(|w| *w <= MAX_WIDTH)
}

/// Go's `%q`.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\x0b' => out.push_str("\\v"),
            c if u32::from(c) < 0x20 || c == '\x7f' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
