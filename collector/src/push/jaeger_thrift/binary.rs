//! Thrift's binary protocol: everything at its full width, big endian.

use super::protocol::{Input, Kind, Protocol, ThriftError};

/// The upper half of a strict message header.
const VERSION_1: u16 = 0x8001;

#[derive(Debug)]
pub(super) struct Binary<'a>(Input<'a>);

impl<'a> Binary<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Binary<'a> {
        Binary(Input::new(bytes))
    }

    fn length(&mut self) -> Result<usize, ThriftError> {
        usize::try_from(self.i32()?).map_err(|_| ThriftError::Length)
    }
}

fn kind(code: u8) -> Result<Kind, ThriftError> {
    Ok(match code {
        2 => Kind::Bool,
        3 => Kind::Byte,
        4 => Kind::Double,
        6 => Kind::I16,
        8 => Kind::I32,
        10 => Kind::I64,
        11 => Kind::Binary,
        12 => Kind::Struct,
        13 => Kind::Map,
        14 => Kind::Set,
        15 => Kind::List,
        16 => Kind::Uuid,
        other => return Err(ThriftError::Type(other)),
    })
}

impl<'a> Protocol<'a> for Binary<'a> {
    fn input(&mut self) -> &mut Input<'a> {
        &mut self.0
    }

    /// Strict: version and type, name, sequence. Old: name, type, sequence; its length is never negative.
    fn message(&mut self) -> Result<&'a [u8], ThriftError> {
        let head = self.i32()?;
        if head < 0 {
            if (head.cast_unsigned() >> 16) as u16 != VERSION_1 {
                return Err(ThriftError::Header);
            }
            let name = self.binary()?;
            self.i32()?;
            return Ok(name);
        }
        let name = self
            .0
            .take(usize::try_from(head).map_err(|_| ThriftError::Length)?)?;
        self.0.byte()?;
        self.i32()?;
        Ok(name)
    }

    fn field(&mut self, _last: i16) -> Result<Option<(i16, Kind)>, ThriftError> {
        match self.0.byte()? {
            0 => Ok(None),
            code => {
                let kind = kind(code)?;
                Ok(Some((self.i16()?, kind)))
            }
        }
    }

    fn list_head(&mut self) -> Result<(Kind, usize), ThriftError> {
        let code = self.0.byte()?;
        let count = self.length()?;
        // An empty list may name no type.
        let kind = if count == 0 { Kind::Struct } else { kind(code)? };
        Ok((kind, self.0.count(count)?))
    }

    fn map_head(&mut self) -> Result<(Kind, Kind, usize), ThriftError> {
        let (key, value) = (self.0.byte()?, self.0.byte()?);
        match self.length()? {
            0 => Ok((Kind::Struct, Kind::Struct, 0)),
            count => Ok((kind(key)?, kind(value)?, self.0.count(count)?)),
        }
    }

    fn bool(&mut self) -> Result<bool, ThriftError> {
        self.0.byte().map(|byte| byte != 0)
    }

    fn i16(&mut self) -> Result<i16, ThriftError> {
        self.0.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32, ThriftError> {
        self.0.array().map(i32::from_be_bytes)
    }

    fn i64(&mut self) -> Result<i64, ThriftError> {
        self.0.array().map(i64::from_be_bytes)
    }

    fn double(&mut self) -> Result<f64, ThriftError> {
        self.0.array().map(f64::from_be_bytes)
    }

    fn binary(&mut self) -> Result<&'a [u8], ThriftError> {
        let len = self.length()?;
        self.0.take(len)
    }
}
