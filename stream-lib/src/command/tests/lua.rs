//! Reads as much of a Lua script as the audit needs: which commands it runs, on
//! which keys, in which loops.

use std::collections::HashMap;

/// A command that a script runs.
#[derive(Debug, Clone)]
pub(super) struct Touch {
    pub(super) command: String,
    /// The expression that names its key, as far as it could be followed.
    pub(super) key: String,
    /// Its place: for a command in a function, the place of the call.
    pub(super) at: usize,
    /// The loops around it, by their beginnings.
    pub(super) loops: Vec<usize>,
}

/// All commands of a script that name a key, in the order of the text; those of a
/// function wherever it is called.
pub(super) fn touches(source: &str) -> Vec<Touch> {
    let script = Script::read(source);
    let mut touches = Vec::new();
    for call in &script.calls {
        if call.function.is_none() {
            script.follow(call, &call.key, call.at, &call.loops, &mut touches);
        }
    }
    touches.sort_by_key(|touch| touch.at);
    touches
}

/// A command, or a call of one of the script's own functions.
#[derive(Debug)]
struct Call {
    name: String,
    /// The first argument after the name of a command.
    key: String,
    arguments: Vec<String>,
    at: usize,
    loops: Vec<usize>,
    /// The function around it.
    function: Option<String>,
}

#[derive(Debug, Default)]
struct Script {
    calls: Vec<Call>,
    /// The parameters of each function.
    functions: HashMap<String, Vec<String>>,
    /// The expressions given to names, if they contain a key.
    names: HashMap<String, String>,
}

impl Script {
    fn read(source: &str) -> Self {
        let tokens = tokens(source);
        let mut script = Self::default();
        script.read_functions(&tokens);
        script.read_names(&tokens);
        script.read_calls(&tokens);
        script
    }

    fn read_functions(&mut self, tokens: &[String]) {
        for (at, token) in tokens.iter().enumerate() {
            if token == "function" && text(tokens, at + 2) == "(" {
                let name = text(tokens, at + 1).to_owned();
                self.functions.insert(name, arguments(tokens, at + 2));
            }
        }
    }

    /// `a, b = KEYS[1], …`, and `for _, a in ipairs({KEYS[1], …})`.
    fn read_names(&mut self, tokens: &[String]) {
        for at in 1..tokens.len() {
            if !matches!(text(tokens, at), "=" | "in") {
                continue;
            }
            let mut first = at - 1;
            while first >= 2 && text(tokens, first - 1) == "," {
                first -= 2;
            }
            let targets = (first..at).step_by(2).map(|at| text(tokens, at));
            let values = values(tokens, at + 1);
            let is_list = text(tokens, at) == "in";
            for (place, target) in targets.enumerate() {
                let value = values.get(if is_list { 0 } else { place });
                if let Some(value) = value.filter(|value| value.contains("KEYS"))
                    && is_name(target)
                    && (!is_list || place == 1)
                {
                    self.names.insert(target.to_owned(), value.clone());
                }
            }
        }
    }

    fn read_calls(&mut self, tokens: &[String]) {
        // The blocks that are open: a loop, a function, or another one.
        let mut blocks: Vec<(&str, usize, String)> = Vec::new();
        let mut heads_loop = false;
        for at in 0..tokens.len() {
            let token = text(tokens, at);
            match token {
                "for" | "while" => heads_loop = true,
                "do" if std::mem::take(&mut heads_loop) => {
                    blocks.push(("loop", at, String::new()));
                }
                "repeat" => blocks.push(("loop", at, String::new())),
                "function" => blocks.push(("function", at, text(tokens, at + 1).to_owned())),
                "if" | "do" => blocks.push(("other", at, String::new())),
                "end" | "until" => {
                    blocks.pop();
                }
                _ => {}
            }
            let is_command = matches!(token, "call" | "pcall") && text(tokens, at + 1) == "(";
            let is_packed = token == "{" && is_command_name(text(tokens, at + 1));
            let is_own = self.functions.contains_key(token)
                && text(tokens, at + 1) == "("
                && text(tokens, at.wrapping_sub(1)) != "function";
            let found = if is_command {
                arguments(tokens, at + 1)
            } else if is_packed {
                arguments(tokens, at)
            } else if is_own {
                let mut all = vec![token.to_owned()];
                all.extend(arguments(tokens, at + 1));
                all
            } else {
                continue;
            };
            let mut found = found.into_iter();
            let name = found.next().unwrap_or_default();
            let arguments: Vec<String> = found.collect();
            // `pcall(write_all)` calls it, too.
            let is_own = is_own || is_command && self.functions.contains_key(&name);
            if !is_own && !is_command_name(&name) {
                continue;
            }
            let function = blocks.iter().rev().find(|block| block.0 == "function");
            let begin = function.map_or(0, |block| block.1);
            let loops = blocks.iter().filter(|b| b.0 == "loop" && b.1 > begin);
            self.calls.push(Call {
                name: name.trim_matches('\'').to_owned(),
                key: key_argument(&name, &arguments),
                arguments,
                at,
                loops: loops.map(|block| block.1).collect(),
                function: function.map(|block| block.2.clone()),
            });
        }
    }

    /// Adds a command; for a call of a function, the commands in it.
    fn follow(&self, call: &Call, key: &str, at: usize, loops: &[usize], into: &mut Vec<Touch>) {
        let Some(parameters) = self.functions.get(&call.name) else {
            if !key.is_empty() {
                into.push(Touch {
                    command: call.name.clone(),
                    key: self.resolved(key),
                    at,
                    loops: loops.to_vec(),
                });
            }
            return;
        };
        let inner = self.calls.iter();
        for inner in inner.filter(|inner| inner.function.as_ref() == Some(&call.name)) {
            let given = |name: &str| {
                let place = parameters.iter().position(|parameter| parameter == name);
                place.and_then(|place| call.arguments.get(place)).cloned()
            };
            let inner_key = given(&inner.key).unwrap_or_else(|| inner.key.clone());
            let arguments = inner.arguments.iter();
            let arguments = arguments.map(|name| given(name).unwrap_or_else(|| name.clone()));
            let bound = Call {
                name: inner.name.clone(),
                key: inner_key.clone(),
                arguments: arguments.collect(),
                at,
                loops: Vec::new(),
                function: None,
            };
            let loops = [loops, inner.loops.as_slice()].concat();
            self.follow(&bound, &inner_key, at, &loops, into);
        }
    }

    /// The key that an expression stands for: its part from `KEYS` on, or that of the
    /// expression given to it.
    fn resolved(&self, key: &str) -> String {
        let known = self.names.get(key).map_or(key, String::as_str);
        let begin = known.find("KEYS").unwrap_or(0);
        let key = known.get(begin..).unwrap_or_default();
        // The end of a list, or of the call that gets it.
        key.trim_end_matches(['}', ')']).to_owned()
    }
}

/// The key of a command, which some have after a subcommand.
fn key_argument(command: &str, arguments: &[String]) -> String {
    let place = match command {
        "'TIME'" => return String::new(),
        "'XINFO'" | "'XGROUP'" => 1,
        _ => 0,
    };
    arguments.get(place).cloned().unwrap_or_default()
}

fn is_command_name(token: &str) -> bool {
    let name = token.trim_matches('\'');
    token.starts_with('\'') && name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_name(token: &str) -> bool {
    token
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn text(tokens: &[String], at: usize) -> &str {
    tokens.get(at).map_or("", String::as_str)
}

/// The expressions between the bracket at `open` and its end.
fn arguments(tokens: &[String], open: usize) -> Vec<String> {
    values(tokens, open + 1)
}

/// The expressions from `at` on, up to the end of the list.
fn values(tokens: &[String], at: usize) -> Vec<String> {
    const ENDS: [&str; 10] = [
        "local", "if", "for", "while", "repeat", "return", "do", "then", "end", "function",
    ];
    let (mut depth, mut all, mut one) = (0, Vec::new(), String::new());
    for token in tokens.iter().skip(at) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" if depth == 0 => break,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => {
                all.push(std::mem::take(&mut one));
                continue;
            }
            word if depth == 0 && ENDS.contains(&word) => break,
            _ => {}
        }
        // Another statement begins where two names meet.
        if depth == 0
            && one.ends_with([']', ')'])
            && token.starts_with(|c: char| c.is_ascii_alphabetic())
            && !matches!(token.as_str(), "and" | "or")
        {
            break;
        }
        one.push_str(token);
    }
    all.push(one);
    all
}

/// Words, numbers, quoted texts with their quotes, and single other characters;
/// no comments.
fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for line in source.lines() {
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with("--") && !rest.starts_with("#!") {
            let first = rest.chars().next().unwrap_or_default();
            let length = match first {
                '\'' => 2 + rest[1..].find('\'').unwrap_or(0),
                c if c.is_ascii_alphanumeric() || c == '_' => rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            let (token, behind) = rest.split_at(length);
            // `==`, `~=` and their like are no assignment.
            let is_comparison = matches!(token, "=" | "~" | "<" | ">") && behind.starts_with('=');
            let token = if is_comparison { "<>" } else { token };
            rest = behind.get(usize::from(is_comparison)..).unwrap_or_default();
            rest = rest.trim_start();
            tokens.push(token.to_owned());
        }
    }
    tokens
}
