//! The one kind of metric query that asks no store: arithmetic of `vector(number)`, such as `vector(1)+vector(1)`, by
//! which Grafana tests a Loki data source.

/// More nesting is refused.
const MAX_DEPTH: usize = 64;

/// The value of an expression of `vector(number)`, `+ - * / % ^` and parentheses; `None` where the text is anything else.
pub fn eval_literal(text: &str) -> Option<f64> {
    let mut parser = Literal { rest: text, depth: 0 };
    let value = parser.sum()?;
    parser.rest.trim_start().is_empty().then_some(value)
}

struct Literal<'a> {
    rest: &'a str,
    depth: usize,
}

impl Literal<'_> {
    fn take(&mut self, token: &str) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.take("+") {
                value += self.product()?;
            } else if self.take("-") {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.power()?;
        loop {
            if self.take("*") {
                value *= self.power()?;
            } else if self.take("/") {
                value /= self.power()?;
            } else if self.take("%") {
                value %= self.power()?;
            } else {
                return Some(value);
            }
        }
    }

    fn power(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let base = self.vector()?;
        let value = if self.take("^") {
            base.powf(self.power()?)
        } else {
            base
        };
        self.depth -= 1;
        Some(value)
    }

    fn vector(&mut self) -> Option<f64> {
        if self.take("(") {
            let value = self.sum()?;
            return self.take(")").then_some(value);
        }
        if !(self.take("vector") && self.take("(")) {
            return None;
        }
        let number = self.rest.trim_start();
        let in_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
        let len = number.find(|c| !in_number(c))?;
        let (number, rest) = number.split_at(len);
        self.rest = rest;
        let value = number.parse().ok()?;
        self.take(")").then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_of_vectors_and_nothing_else() {
        assert_eq!(eval_literal("vector(1)+vector(1)"), Some(2.0));
        assert_eq!(
            eval_literal(" ( vector(1) + vector( 2.5 ) ) * vector(2) ^ vector(2) ^ vector(0)"),
            Some(7.0)
        );
        assert_eq!(eval_literal("vector(-1) - vector(1e3)"), Some(-1001.0));
        for other in [
            "",
            "vector",
            "vector(x)",
            "vector(1",
            "1+1",
            "{a=\"b\"}",
            "vector(1) vector(1)",
        ] {
            assert_eq!(eval_literal(other), None, "{other}");
        }
        assert_eq!(eval_literal(&"(".repeat(100_000)), None);
    }
}
