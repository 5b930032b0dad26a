//! Results and their formats.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, ColumnConstraint, presets};
use serde_json::{Map, Value};

use super::exit::Outcome;
use crate::assess::Severity;
use crate::words::{escaped, shown, shown_lines};

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// A table.
    Table,
    /// One JSON object.
    Json,
    /// One JSON object per line.
    Ndjson,
}

/// A result, for people and for programs.
#[derive(Debug)]
pub(crate) struct Report {
    /// For people; ends with a line feed unless it is empty.
    pub(crate) text: String,
    /// One JSON object.
    pub(crate) json: Map<String, Value>,
    /// The list in `json` whose elements are the lines of NDJSON.
    pub(crate) rows: Option<&'static str>,
}

impl Report {
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        let mut text = text.into();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        Self {
            text,
            json: crate::json::object(json),
            rows: None,
        }
    }

    pub(crate) fn with_rows(mut self, rows: &'static str) -> Self {
        self.rows = Some(rows);
        self
    }
}

/// Results on standard output, the rest on standard error.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    pub(crate) form: Form,
    pub(crate) is_quiet: bool,
    has_color: bool,
}

impl Output {
    pub(crate) fn new(form: Form, is_quiet: bool, no_color: bool) -> Self {
        // https://no-color.org: any value but an empty one.
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            form,
            is_quiet,
            has_color: !no_color && !refused && io::stdout().is_terminal(),
        }
    }

    /// Writes a result.
    pub(crate) fn print(&self, report: &Report) -> Outcome<()> {
        let mut out = io::stdout().lock();
        match (self.form, report.rows) {
            (Form::Table, _) => out.write_all(report.text.as_bytes())?,
            (Form::Ndjson, Some(rows)) => {
                let rows = report.json.get(rows).and_then(Value::as_array);
                for row in rows.into_iter().flatten() {
                    let line = Value::Object(crate::json::object(row.clone()));
                    writeln!(out, "{}", escaped(&line.to_string()))?;
                }
            }
            (Form::Json | Form::Ndjson, _) => {
                let object = Value::Object(report.json.clone());
                writeln!(out, "{}", escaped(&object.to_string()))?;
            }
        }
        out.flush()?;
        Ok(())
    }

    /// Writes text as it is.
    #[expect(clippy::unused_self, reason = "all output goes through here")]
    pub(crate) fn raw(&self, text: &str) -> Outcome<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Writes a note to standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.is_quiet {
            let _ = writeln!(io::stderr(), "{}", shown_lines(text));
        }
    }

    /// Colours a line by its severity; notes and lower have no colour.
    pub(crate) fn painted(&self, severity: Severity, text: &str) -> String {
        let color = match severity {
            Severity::Trouble => "31",
            Severity::Warning => "33",
            Severity::Note | Severity::Calm => return text.to_owned(),
        };
        if self.has_color {
            format!("\x1b[{color}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A table without lines. Columns whose names begin with `>` are aligned to the right.
pub(crate) fn table<const N: usize>(
    columns: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(columns.map(|name| name.trim_start_matches('>')));
    for row in rows {
        table.add_row(row.map(|cell| shown(cell.as_bytes())));
    }
    for (at, name) in columns.iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, 2));
            column.set_constraint(ColumnConstraint::ContentWidth);
            if name.starts_with('>') {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Names and values, one a line.
pub(crate) fn listed<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let longest = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = longest.unwrap_or(0) + 2;
    let mut text = String::new();
    for (name, value) in rows {
        let _ = writeln!(text, "{name:width$}{}", shown(value.as_bytes()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_and_end_no_line_with_blanks() {
        let rows = [
            ["orders".to_owned(), "43,608".to_owned()],
            ["a".to_owned(), "0".to_owned()],
        ];
        assert_eq!(
            table(["Stream", ">Unread"], rows),
            "Stream  Unread\norders  43,608\na            0\n"
        );
        assert_eq!(
            listed([("a", "1".to_owned()), ("long", "2".to_owned())]),
            "a     1\nlong  2\n"
        );
        // Whatever a server says.
        assert_eq!(
            listed([("a", "\x1b[2J\u{9b}1m".to_owned())]),
            "a  \\x1b[2J\\xc2\\x9b1m\n"
        );
        let rows = [["\x1b[2J\n".to_owned()]];
        assert_eq!(table(["Stream"], rows), "Stream\n\\x1b[2J\\n\n");
    }
}
