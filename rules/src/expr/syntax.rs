//! Decides how an expression reads: CEL syntax, by the `cel` crate's parser, which nothing else here touches.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};
use cel::parser::Parser;

/// An expression and the bytes of its text that it spans.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ast {
    pub(crate) node: Node,
    pub(crate) span: Range<usize>,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Ast>),
    Name(String),
    Select(Box<Ast>, String),
    Has(Box<Ast>, String),
    Not(Box<Ast>),
    Negate(Box<Ast>),
    If(Box<Ast>, Box<Ast>, Box<Ast>),
    Binary(Operator, Box<Ast>, Box<Ast>),
    Index(Box<Ast>, Box<Ast>),
    Call(String, Option<Box<Ast>>, Vec<Ast>),
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    And,
    Or,
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    In,
}

/// Why an expression can not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
}

/// Reads an expression whose size has been checked.
pub(crate) fn parse(text: &str) -> Result<Ast, Unreadable> {
    let whole = || 0..text.len();
    // The parser holds invariants by panicking; a rule file must never be able to reach one.
    let parsed = catch_unwind(AssertUnwindSafe(|| Parser::new().max_recursion_depth(64).parse_with_source_info(text)));
    match parsed {
        Ok(Ok((expr, info))) => convert(&expr, &Spans { text, info: &info }),
        Ok(Err(errors)) => Err(errors.errors.first().map_or_else(
            || Unreadable { span: whole(), message: "the expression can not be read".to_owned() },
            |error| Unreadable { span: point(text, error.pos), message: plain(&error.msg) },
        )),
        Err(_) => Err(Unreadable { span: whole(), message: "the expression can not be read".to_owned() }),
    }
}

/// The parser's words, without its listing of every possible token.
fn plain(message: &str) -> String {
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    let message = message.split(" expecting ").next().unwrap_or(message);
    message.replace("'<EOF>'", "the end").replace("<EOF>", "the end")
}

fn point(text: &str, (line, column): (isize, isize)) -> Range<usize> {
    let before = usize::try_from(line - 1).unwrap_or(0);
    let start: usize = text.split_inclusive('\n').take(before).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let column = usize::try_from(column - 1).unwrap_or(0);
    let at = rest.char_indices().nth(column).map_or(rest.len(), |(offset, _)| offset) + start;
    let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    at..at + width
}

struct Spans<'a> {
    text: &'a str,
    info: &'a SourceInfo,
}

impl Spans<'_> {
    fn own(&self, id: u64) -> Range<usize> {
        let (start, stop) = self.info.offset_for(id).unwrap_or((0, 0));
        let start = usize::try_from(start).unwrap_or(0).min(self.text.len());
        let mut end = usize::try_from(stop).unwrap_or(0).saturating_add(1).clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// The token of a selection is its dot, or its bracket: what follows belongs to it.
    fn with_field(&self, id: u64, field: &str) -> Range<usize> {
        let own = self.own(id);
        let rest = self.text.get(own.end..).unwrap_or_default();
        let gap = rest.len() - rest.trim_start().len();
        let follows = rest.trim_start().starts_with(field);
        own.start..if follows { own.end + gap + field.len() } else { own.end }
    }
}

fn joined<'a>(own: Range<usize>, parts: impl IntoIterator<Item = &'a Ast>) -> Range<usize> {
    parts.into_iter().fold(own, |span, part| span.start.min(part.span.start)..span.end.max(part.span.end))
}

fn convert(expr: &IdedExpr, spans: &Spans<'_>) -> Result<Ast, Unreadable> {
    let span = spans.own(expr.id);
    let refuse = |message: &str| Err(Unreadable { span: span.clone(), message: message.to_owned() });
    let node = match &expr.expr {
        Expr::Literal(literal) => match literal {
            LiteralValue::Boolean(value) => Node::Bool(*value.inner()),
            LiteralValue::Int(value) => Node::Int(*value.inner()),
            LiteralValue::Double(value) => Node::Float(*value.inner()),
            LiteralValue::String(value) => Node::Text(value.inner().to_owned()),
            LiteralValue::UInt(_) => return refuse("unsigned literals are not supported: leave the `u` out"),
            LiteralValue::Bytes(_) => return refuse("bytes literals are not supported: leave the `b` out"),
            LiteralValue::Null => return refuse("`null` is not supported: ask `has(…)` whether a field is there"),
        },
        Expr::Ident(name) => Node::Name(name.clone()),
        Expr::Select(select) => return convert_select(expr.id, select, spans),
        Expr::List(list) => {
            let items = list.elements.iter().map(|item| convert(item, spans)).collect::<Result<Vec<_>, _>>()?;
            let span = joined(span, &items);
            return Ok(Ast { node: Node::List(items), span });
        }
        Expr::Call(call) => return convert_call(span, call, spans),
        Expr::Comprehension(_) => {
            return refuse("`exists`, `all`, `map` and `filter` are not supported: use `in`, or several clauses");
        }
        Expr::Map(_) | Expr::Struct(_) => return refuse("maps and messages are not supported"),
        Expr::Unspecified => return refuse("the expression is empty"),
    };
    Ok(Ast { node, span })
}

fn convert_select(id: u64, select: &SelectExpr, spans: &Spans<'_>) -> Result<Ast, Unreadable> {
    let operand = convert(&select.operand, spans)?;
    let span = joined(spans.with_field(id, &select.field), [&operand]);
    let field = select.field.clone();
    let node = if select.test { Node::Has(Box::new(operand), field) } else { Node::Select(Box::new(operand), field) };
    Ok(Ast { node, span })
}

fn convert_call(own: Range<usize>, call: &CallExpr, spans: &Spans<'_>) -> Result<Ast, Unreadable> {
    let target = call.target.as_ref().map(|target| convert(target, spans)).transpose()?;
    let args = call.args.iter().map(|arg| convert(arg, spans)).collect::<Result<Vec<_>, _>>()?;
    let span = joined(joined(own, &args), target.as_ref());
    let mut rest = args.into_iter().map(Box::new);
    let node = match (binary(&call.func_name), target, rest.next(), rest.next(), rest.next()) {
        (Some(operator), None, Some(left), Some(right), None) => Node::Binary(operator, left, right),
        (None, None, Some(a), Some(b), Some(c)) if call.func_name == operators::CONDITIONAL => Node::If(a, b, c),
        (None, None, Some(a), Some(b), None) if call.func_name == operators::INDEX => Node::Index(a, b),
        (None, None, Some(a), None, None) if call.func_name == operators::LOGICAL_NOT => Node::Not(a),
        (None, None, Some(a), None, None) if call.func_name == operators::NEGATE => Node::Negate(a),
        (_, target, a, b, c) => {
            let args = [a, b, c].into_iter().flatten().chain(rest).map(|arg| *arg).collect();
            Node::Call(call.func_name.clone(), target.map(Box::new), args)
        }
    };
    Ok(Ast { node, span })
}

fn binary(name: &str) -> Option<Operator> {
    Some(match name {
        operators::LOGICAL_AND => Operator::And,
        operators::LOGICAL_OR => Operator::Or,
        operators::EQUALS => Operator::Equal,
        operators::NOT_EQUALS => Operator::NotEqual,
        operators::LESS => Operator::Less,
        operators::LESS_EQUALS => Operator::AtMost,
        operators::GREATER => Operator::Greater,
        operators::GREATER_EQUALS => Operator::AtLeast,
        operators::ADD => Operator::Add,
        operators::SUBSTRACT => Operator::Subtract,
        operators::MULTIPLY => Operator::Multiply,
        operators::DIVIDE => Operator::Divide,
        operators::MODULO => Operator::Modulo,
        operators::IN => Operator::In,
        _ => return None,
    })
}

impl Node {
    /// The expressions directly inside.
    pub(crate) fn parts(&self) -> Vec<&Ast> {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) | Self::Name(_) => Vec::new(),
            Self::List(items) => items.iter().collect(),
            Self::Select(inner, _) | Self::Has(inner, _) | Self::Not(inner) | Self::Negate(inner) => vec![inner],
            Self::If(a, b, c) => vec![a, b, c],
            Self::Binary(_, a, b) | Self::Index(a, b) => vec![a, b],
            Self::Call(_, target, args) => target.iter().map(AsRef::as_ref).chain(args).collect(),
        }
    }

    /// The expressions directly inside, to be changed.
    pub(crate) fn parts_mut(&mut self) -> Vec<&mut Ast> {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) | Self::Name(_) => Vec::new(),
            Self::List(items) => items.iter_mut().collect(),
            Self::Select(inner, _) | Self::Has(inner, _) | Self::Not(inner) | Self::Negate(inner) => vec![inner],
            Self::If(a, b, c) => vec![a, b, c],
            Self::Binary(_, a, b) | Self::Index(a, b) => vec![a, b],
            Self::Call(_, target, args) => target.iter_mut().map(AsMut::as_mut).chain(args).collect(),
        }
    }
}
