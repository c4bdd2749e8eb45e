//! Function calls and arguments.

use super::{ANY, Parsed, Parser};
use crate::Expr;
use crate::ast::Call;
use crate::functions;
use crate::lexer::Kind;
use crate::quote::Quoted;

impl Parser<'_> {
    pub(super) fn call(&mut self) -> Parsed {
        let name = self.token().span;
        self.at += 1;
        let args = self.arguments()?;
        let text = self.text_of(name);
        let Some(function) = functions::find(text) else {
            return Err(self.error(name, format!("unknown function with name {}", Quoted(text))));
        };
        if function.experimental && !self.options.experimental_functions {
            return Err(self.error(name, format!("function {} is not enabled", Quoted(text))));
        }
        let mut span = name;
        span.end = self.end_of_last();
        Ok(Expr::Call(Call { function, args, span }))
    }

    /// Expressions in parentheses, maybe none.
    pub(super) fn arguments(&mut self) -> Parsed<Vec<Expr>> {
        self.expect(Kind::LeftParen)?;
        let mut args = Vec::new();
        if self.eat(Kind::RightParen) {
            return Ok(args);
        }
        args.push(self.expr(ANY)?);
        while self.kind() == Kind::Comma {
            let comma = self.expect(Kind::Comma)?;
            if !self.at_operand() {
                self.next_is_lexed()?;
                return Err(self.error(comma, "trailing commas not allowed in function call args"));
            }
            args.push(self.expr(ANY)?);
        }
        self.expect(Kind::RightParen)?;
        Ok(args)
    }
}
