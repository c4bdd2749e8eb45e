//! The pieces of a query, and how error messages call them.

use crate::ast::{AggregateOp, BinaryOp, Span};
use crate::quote::Quoted;

/// One piece of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// What a piece is. Operators, aggregations and keywords are known in any letter case and may be names all the same:
/// the parser decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The end of the query.
    End,
    /// Where the text is no longer PromQL; always the last.
    Error,
    Identifier,
    /// A name with a colon in it.
    MetricIdentifier,
    Number,
    Duration,
    /// With its quotes.
    String,
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
    At,
    /// `=`
    Equal,
    /// `=~`
    Matches,
    /// `!~`
    MatchesNot,
    Comma,
    Colon,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
}

/// Words with a meaning that are neither operators nor aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    Bool,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Offset,
    Anchored,
    Smoothed,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

impl Keyword {
    /// Whether it names a function too: the time of a query, or a choice between durations.
    pub(crate) fn is_function(self) -> bool {
        use Keyword::{End, MaxOf, MinOf, Range, Start, Step};
        matches!(self, Start | End | Step | Range | MaxOf | MinOf)
    }
}

impl Kind {
    /// What `word` is outside of braces; colons make it a metric's name.
    pub(crate) fn of_word(word: &str) -> Kind {
        let mut lower = [0; LONGEST_WORD];
        let known = lower.get_mut(..word.len()).and_then(|lower| {
            lower.copy_from_slice(word.as_bytes());
            lower.make_ascii_lowercase();
            word_kind(lower)
        });
        known.unwrap_or(if word.contains(':') {
            Kind::MetricIdentifier
        } else {
            Kind::Identifier
        })
    }

    /// Whether it ends what it closes: upstream lets some spans reach to the last such piece that it has read.
    pub(crate) fn closes(self) -> bool {
        use Kind::{Duration, Number, RightBrace, RightBracket, RightParen};
        matches!(self, RightBrace | RightParen | RightBracket | Duration | Number)
    }
}

/// `count_values`
const LONGEST_WORD: usize = 12;

fn word_kind(lower: &[u8]) -> Option<Kind> {
    use Kind::{Aggregate, Operator};
    Some(match lower {
        b"and" => Operator(BinaryOp::And),
        b"or" => Operator(BinaryOp::Or),
        b"unless" => Operator(BinaryOp::Unless),
        b"atan2" => Operator(BinaryOp::Atan2),
        b"sum" => Aggregate(AggregateOp::Sum),
        b"avg" => Aggregate(AggregateOp::Avg),
        b"count" => Aggregate(AggregateOp::Count),
        b"min" => Aggregate(AggregateOp::Min),
        b"max" => Aggregate(AggregateOp::Max),
        b"group" => Aggregate(AggregateOp::Group),
        b"stddev" => Aggregate(AggregateOp::Stddev),
        b"stdvar" => Aggregate(AggregateOp::Stdvar),
        b"topk" => Aggregate(AggregateOp::Topk),
        b"bottomk" => Aggregate(AggregateOp::Bottomk),
        b"count_values" => Aggregate(AggregateOp::CountValues),
        b"quantile" => Aggregate(AggregateOp::Quantile),
        b"limitk" => Aggregate(AggregateOp::Limitk),
        b"limit_ratio" => Aggregate(AggregateOp::LimitRatio),
        b"inf" | b"nan" => Kind::Number,
        _ => Kind::Keyword(keyword(lower)?),
    })
}

fn keyword(lower: &[u8]) -> Option<Keyword> {
    Some(match lower {
        b"bool" => Keyword::Bool,
        b"by" => Keyword::By,
        b"without" => Keyword::Without,
        b"on" => Keyword::On,
        b"ignoring" => Keyword::Ignoring,
        b"group_left" => Keyword::GroupLeft,
        b"group_right" => Keyword::GroupRight,
        b"fill" => Keyword::Fill,
        b"fill_left" => Keyword::FillLeft,
        b"fill_right" => Keyword::FillRight,
        b"offset" => Keyword::Offset,
        b"anchored" => Keyword::Anchored,
        b"smoothed" => Keyword::Smoothed,
        b"start" => Keyword::Start,
        b"end" => Keyword::End,
        b"step" => Keyword::Step,
        b"range" => Keyword::Range,
        b"max_of" => Keyword::MaxOf,
        b"min_of" => Keyword::MinOf,
        _ => return None,
    })
}

/// A text longer than this many bytes is shown cut off after as many characters.
const SHOWN: usize = 10;

/// What error messages call a piece whose text is `text`.
pub(crate) fn describe(kind: Kind, text: &str) -> String {
    let short = || {
        if text.len() > SHOWN {
            let cut: String = text.chars().take(SHOWN).collect();
            format!("{}...", Quoted(&cut))
        } else {
            Quoted(text).to_string()
        }
    };
    match kind {
        Kind::End => "end of input".to_owned(),
        Kind::Error => "error".to_owned(),
        Kind::Identifier => format!("identifier {}", Quoted(text)),
        Kind::MetricIdentifier => format!("metric identifier {}", Quoted(text)),
        Kind::Number => format!("number {}", short()),
        Kind::Duration => format!("duration {}", short()),
        Kind::String => format!("string {}", short()),
        Kind::Operator(_) | Kind::At | Kind::Matches | Kind::MatchesNot => format!("<op:{text}>"),
        Kind::Aggregate(_) => format!("<aggr:{text}>"),
        Kind::Keyword(word) if !word.is_function() => format!("<{text}>"),
        _ => short(),
    }
}
