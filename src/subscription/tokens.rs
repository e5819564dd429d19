//! What an expression may be made of: a look at its words before it is compiled, so that a mistake is named where it stands.

use super::language::{FILTERS, TESTS};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// In bytes of the text.
    pub at: usize,
    pub word: Word<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word<'a> {
    Name(&'a str),
    Number(&'a str),
    /// Without its quotes, and not decoded.
    Text(&'a str),
    Sign(char),
}

/// A fault, and the byte where it is.
pub type Fault = (usize, String);

/// The tokens up to the end, or to the `}}` that closes a placeholder; and where that is.
///
/// # Errors
/// A string that does not end.
pub fn tokens(text: &str) -> Result<(Vec<Token<'_>>, usize), Fault> {
    let (mut found, mut at, mut depth) = (Vec::new(), 0, 0_usize);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        if depth == 0 && rest.starts_with("}}") {
            break;
        }
        let is_in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
        let (length, word) = match first {
            '"' | '\'' => {
                let end = closing(rest, first).ok_or_else(|| (at, "holds a string that does not end".to_owned()))?;
                (end + 1, Some(Word::Text(&rest[1..end])))
            }
            '0'..='9' => (length, Some(Word::Number(&rest[..length]))),
            _ if length > 0 => (length, Some(Word::Name(&rest[..length]))),
            _ if first.is_whitespace() => (first.len_utf8(), None),
            _ => (first.len_utf8(), Some(Word::Sign(first))),
        };
        match word {
            Some(Word::Sign('{')) => depth += 1,
            Some(Word::Sign('}')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        found.extend(word.map(|word| Token { at, word }));
        at += length;
    }
    Ok((found, at))
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(at, c)| {
        let closes = !escaped && c == quote;
        escaped = !escaped && c == '\\';
        closes.then_some(at)
    })
}

const KEYWORDS: [&str; 7] = ["and", "or", "not", "in", "is", "if", "else"];
const CONSTANTS: [&str; 6] = ["true", "false", "none", "True", "False", "None"];

/// Texts and lists that are put together; each may double what there is.
const MOST_SUMS: usize = 16;
/// Each passes on what the one before it does.
const MOST_SLICES: usize = 8;

/// What stands between brackets.
struct Bracket {
    kind: Kind,
    /// Of the first variable in it.
    variable: Option<usize>,
    /// Of a slice.
    colons: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of constants alone: a list of the whole letter a thousand times would be cheap to write and large to show.
    Literal,
    /// A list as well, once there is a comma in it.
    Group,
    Subscript,
    Call,
}

/// What a name or a bracket may be followed by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Start,
    /// A filter or a test.
    Tool,
    Value,
    Other,
}

/// Reads an expression token by token.
struct Reader<'a> {
    tokens: &'a [Token<'a>],
    variables: &'a [&'static str],
    brackets: Vec<Bracket>,
    role: Role,
    sums: usize,
    slices: usize,
}

/// Whether an expression holds nothing that may not be in one.
///
/// # Errors
/// The first fault, to be read after the expression's name.
pub fn check(tokens: &[Token<'_>], variables: &[&'static str]) -> Result<(), Fault> {
    let outermost = Bracket { kind: Kind::Group, variable: None, colons: 0 };
    let mut reader = Reader { tokens, variables, brackets: vec![outermost], role: Role::Start, sums: 0, slices: 0 };
    (0..tokens.len()).try_for_each(|at| reader.read(at))
}

impl Reader<'_> {
    fn read(&mut self, index: usize) -> Result<(), Fault> {
        let Token { at, word } = self.tokens[index];
        let fault = |says: &str| Err((at, says.to_owned()));
        self.role = match word {
            Word::Name(name) => self.name(index, name)?,
            Word::Number(_) | Word::Text(_) => Role::Value,
            Word::Sign('*') => {
                return fault("holds `*`, which repeats texts and lists, too; numbers are multiplied by `|times(2)`");
            }
            Word::Sign('+' | '~') if self.sums == MOST_SUMS => return fault("puts too much together"),
            Word::Sign('+' | '~') => {
                self.sums += 1;
                Role::Other
            }
            Word::Sign(open @ ('(' | '[' | '{')) => self.open(at, open)?,
            Word::Sign(')' | ']' | '}') => self.close(),
            Word::Sign(',') => self.comma(at)?,
            Word::Sign(':') => self.colon(at)?,
            Word::Sign(_) => Role::Other,
        };
        Ok(())
    }

    fn before(&self, index: usize, back: usize) -> Option<Word<'_>> {
        Some(self.tokens[index.checked_sub(back)?].word)
    }

    fn name(&mut self, index: usize, name: &str) -> Result<Role, Fault> {
        let at = self.tokens[index].at;
        let of = |kind: &str, known: &[&str]| (at, format!("holds `{name}`, which is no {kind}; there are {}", known.join(", ")));
        let before = self.before(index, 1);
        let is_test = before == Some(Word::Name("is"))
            || before == Some(Word::Name("not")) && self.before(index, 2) == Some(Word::Name("is"));
        match before {
            Some(Word::Sign('.')) => return Ok(Role::Value),
            Some(Word::Sign('|')) if !FILTERS.contains(&name) => return Err(of("filter", &FILTERS)),
            Some(Word::Sign('|')) => return Ok(Role::Tool),
            _ if is_test && name != "not" => {
                return if TESTS.contains(&name) { Ok(Role::Tool) } else { Err(of("test", &TESTS)) };
            }
            _ if KEYWORDS.contains(&name) => return Ok(Role::Other),
            _ if CONSTANTS.contains(&name) => return Ok(Role::Value),
            _ if self.is_option(index) => return Ok(Role::Other),
            _ if !self.variables.contains(&name) => return Err(of("variable", self.variables)),
            _ => {}
        }
        self.meet(at)?;
        Ok(Role::Value)
    }

    /// `attribute` in `map(attribute="url")`.
    fn is_option(&self, index: usize) -> bool {
        let sign = |at: usize| self.tokens.get(at).map(|token| token.word);
        let in_call = self.brackets.last().is_some_and(|bracket| bracket.kind == Kind::Call);
        in_call && sign(index + 1) == Some(Word::Sign('=')) && sign(index + 2) != Some(Word::Sign('='))
    }

    /// A variable.
    fn meet(&mut self, at: usize) -> Result<(), Fault> {
        for bracket in &mut self.brackets {
            bracket.variable.get_or_insert(at);
        }
        let within = self.brackets.iter().any(|bracket| bracket.kind == Kind::Literal);
        if within { Err((at, CONSTANT.to_owned())) } else { Ok(()) }
    }

    fn open(&mut self, at: usize, open: char) -> Result<Role, Fault> {
        let kind = match (open, self.role) {
            ('[', Role::Value) => Kind::Subscript,
            ('[' | '{', _) => Kind::Literal,
            (_, Role::Value) => return Err((at, "calls something; there are only filters, as in `data.name|lower`".to_owned())),
            (_, Role::Tool) => Kind::Call,
            _ => Kind::Group,
        };
        self.brackets.push(Bracket { kind, variable: None, colons: 0 });
        Ok(Role::Start)
    }

    /// Whatever it closes: the compiler will say if that is the wrong one.
    fn close(&mut self) -> Role {
        if self.brackets.len() > 1 {
            self.brackets.pop();
        }
        Role::Value
    }

    /// Slices are of what lies side by side: with steps they would take more time than what they make is worth.
    fn colon(&mut self, at: usize) -> Result<Role, Fault> {
        if let Some(bracket) = self.brackets.last_mut()
            && bracket.kind == Kind::Subscript
        {
            bracket.colons += 1;
            self.slices += usize::from(bracket.colons == 1);
            if bracket.colons > 1 {
                return Err((at, "holds a slice with a step; there are only those like `[2:5]`".to_owned()));
            }
            if self.slices > MOST_SLICES {
                return Err((at, format!("holds more than {MOST_SLICES} slices")));
            }
        }
        Ok(Role::Other)
    }

    fn comma(&mut self, at: usize) -> Result<Role, Fault> {
        if let Some(bracket) = self.brackets.last_mut()
            && bracket.kind == Kind::Group
        {
            bracket.kind = Kind::Literal;
            if bracket.variable.is_some() {
                return Err((bracket.variable.unwrap_or(at), CONSTANT.to_owned()));
            }
        }
        Ok(Role::Other)
    }
}

const CONSTANT: &str = "holds a list or an object with a variable in it; only constants may be in one";
