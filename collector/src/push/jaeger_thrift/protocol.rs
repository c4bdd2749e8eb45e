//! What the two encodings of Thrift have in common: structs of numbered fields, lists, and a way to step over
//! what is not known.
//!
//! Reference: <https://github.com/apache/thrift/tree/master/doc/specs>.

/// How deep structs and lists may nest; a batch needs six levels.
pub(super) const MAX_DEPTH: usize = 32;

/// Why bytes are not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ThriftError {
    #[error("it ends too early")]
    Truncated,
    #[error("unknown type {0}")]
    Type(u8),
    #[error("a value of an unexpected type")]
    Unexpected,
    #[error("a length is negative or too long")]
    Length,
    #[error("nested too deeply")]
    Depth,
    #[error("text is not valid UTF-8")]
    Utf8,
    #[error("no message header")]
    Header,
    #[error("unexpected call {0:?}")]
    Method(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("more than {0} spans")]
    TooMany(usize),
}

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Byte,
    Double,
    I16,
    I32,
    I64,
    Binary,
    Struct,
    Map,
    Set,
    List,
    Uuid,
}

/// Bytes yet to be read, and how deep within them the reader stands.
#[derive(Debug)]
pub(super) struct Input<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Input<'a> {
        Input {
            rest: bytes,
            depth: 0,
        }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], ThriftError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(ThriftError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ThriftError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(ThriftError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, ThriftError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Elements take a byte each at the least, so a longer list than there are bytes is a lie.
    pub(super) fn count(&self, count: usize) -> Result<usize, ThriftError> {
        if count <= self.rest.len() {
            Ok(count)
        } else {
            Err(ThriftError::Length)
        }
    }
}

/// Reads values one after the other; structs and lists by calling back for each part.
pub(super) trait Protocol<'a>: Sized {
    fn input(&mut self) -> &mut Input<'a>;

    /// The header of a call: its name.
    fn message(&mut self) -> Result<&'a [u8], ThriftError>;

    /// The next field of the struct whose last field was `last`; `None` at its end.
    fn field(&mut self, last: i16) -> Result<Option<(i16, Kind)>, ThriftError>;

    /// The head of a list or set: the type of its elements and how many there are.
    fn list_head(&mut self) -> Result<(Kind, usize), ThriftError>;

    /// The head of a map.
    fn map_head(&mut self) -> Result<(Kind, Kind, usize), ThriftError>;

    fn bool(&mut self) -> Result<bool, ThriftError>;
    fn i16(&mut self) -> Result<i16, ThriftError>;
    fn i32(&mut self) -> Result<i32, ThriftError>;
    fn i64(&mut self) -> Result<i64, ThriftError>;
    fn double(&mut self) -> Result<f64, ThriftError>;
    fn binary(&mut self) -> Result<&'a [u8], ThriftError>;

    /// Runs `inner` one level deeper.
    fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, ThriftError>,
    ) -> Result<T, ThriftError> {
        if self.input().depth >= MAX_DEPTH {
            return Err(ThriftError::Depth);
        }
        self.input().depth += 1;
        let result = inner(self);
        self.input().depth -= 1;
        result
    }

    /// Reads a struct: `each` gets the number and type of a field and reads or skips its value.
    fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, i16, Kind) -> Result<(), ThriftError>,
    ) -> Result<(), ThriftError> {
        self.nested(|this| {
            let mut last = 0;
            while let Some((id, kind)) = this.field(last)? {
                each(this, id, kind)?;
                last = id;
            }
            Ok(())
        })
    }

    /// Reads a list of structs: `each` reads one.
    fn structs(
        &mut self,
        kind: Kind,
        mut each: impl FnMut(&mut Self) -> Result<(), ThriftError>,
    ) -> Result<(), ThriftError> {
        expect(kind, Kind::List)?;
        self.nested(|this| {
            let (kind, count) = this.list_head()?;
            if count > 0 {
                expect(kind, Kind::Struct)?;
            }
            (0..count).try_for_each(|_| each(this))
        })
    }

    fn text(&mut self) -> Result<&'a str, ThriftError> {
        std::str::from_utf8(self.binary()?).map_err(|_| ThriftError::Utf8)
    }

    /// Steps over a value.
    fn skip(&mut self, kind: Kind) -> Result<(), ThriftError> {
        match kind {
            Kind::Bool => self.bool().map(drop),
            Kind::Byte => self.input().byte().map(drop),
            Kind::Double => self.double().map(drop),
            Kind::I16 => self.i16().map(drop),
            Kind::I32 => self.i32().map(drop),
            Kind::I64 => self.i64().map(drop),
            Kind::Binary => self.binary().map(drop),
            Kind::Uuid => self.input().take(16).map(drop),
            Kind::Struct => self.fields(|this, _, kind| this.skip(kind)),
            Kind::List | Kind::Set => self.nested(|this| {
                let (kind, count) = this.list_head()?;
                (0..count).try_for_each(|_| this.skip(kind))
            }),
            Kind::Map => self.nested(|this| {
                let (key, value, count) = this.map_head()?;
                (0..count).try_for_each(|_| {
                    this.skip(key)?;
                    this.skip(value)
                })
            }),
        }
    }
}

/// Whether a field has the type that its number demands.
pub(super) fn expect(kind: Kind, wanted: Kind) -> Result<(), ThriftError> {
    if kind == wanted {
        Ok(())
    } else {
        Err(ThriftError::Unexpected)
    }
}
