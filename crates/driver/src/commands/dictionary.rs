//! `clawsig dictionary`: what each file of a run, each column of its tables and each column of the
//! dataset means.

use clawsig_schema::{
    column::{Column, Writer},
    signal::{Signal, SignalKind},
};
use serde_json::{Value, json};

use crate::{
    Error, ExitStatus,
    cli::{DictionaryArgs, Global, OutputFormat},
    dictionary::{COMMON, FILES, FileEntry, entry_of},
    settings::suggestion,
    terminal::{self, Table},
};

/// Prints the whole dictionary, or a file's part of it.
pub(crate) fn dictionary(arguments: &DictionaryArgs, global: &Global) -> Result<ExitStatus, Error> {
    let files: Vec<&FileEntry> = match &arguments.file {
        None => FILES.iter().collect(),
        Some(path) => vec![entry_of(path).ok_or_else(|| {
            let meant = suggestion(path, FILES.iter().map(|entry| entry.path));
            Error::Usage(format!(
                "no run writes a file `{path}`{meant}; `clawsig dictionary` lists all"
            ))
        })?],
    };
    let is_whole = arguments.file.is_none();
    let text = match global.format {
        OutputFormat::Json => format!("{:#}\n", as_json(&files, is_whole)),
        OutputFormat::Text => as_text(&files, is_whole),
    };
    terminal::print(&text)?;
    Ok(ExitStatus::Done)
}

/// The columns of `signals/*.parquet`, each with its type and meaning.
fn signals() -> impl Iterator<Item = [String; 3]> {
    Signal::ALL.iter().map(|signal| {
        [signal.name().to_owned(), kind(signal.kind()).to_owned(), signal.meaning().to_owned()]
    })
}

/// The columns of the dataset, each with type, author and meaning.
fn columns() -> impl Iterator<Item = [String; 4]> {
    Column::ALL.iter().map(|column| {
        let kind = column.kind().expected().to_owned();
        [column.name().to_owned(), kind, writer(column.writer()), column.meaning().to_owned()]
    })
}

const fn kind(kind: SignalKind) -> &'static str {
    match kind {
        SignalKind::Text => "a text",
        SignalKind::Count => "a whole number",
        SignalKind::Bytes => "a number of bytes",
        SignalKind::Number => "a number",
        SignalKind::Flag => "true or false",
        SignalKind::TextList => "a list of texts",
        SignalKind::CountList => "a list of whole numbers",
    }
}

fn writer(writer: Writer) -> String {
    match writer {
        Writer::Registry => "the registry".to_owned(),
        Writer::Author => "the skill's author".to_owned(),
        Writer::Judge => "the judge".to_owned(),
        Writer::Scanner(scanner) => scanner.to_string(),
        Writer::Scanners => "the scanners".to_owned(),
    }
}

fn as_json(files: &[&FileEntry], is_whole: bool) -> Value {
    let named = |columns: &[(&str, &str)]| -> Vec<Value> {
        columns.iter().map(|(name, meaning)| json!({ "name": name, "meaning": meaning })).collect()
    };
    let mut value = json!({
        "files": files.iter().map(|entry| json!({
            "path": entry.path, "meaning": entry.meaning, "columns": named(entry.columns),
        })).collect::<Vec<_>>(),
        "columns_of_every_table": named(COMMON),
    });
    if is_whole {
        value["columns_of_the_dataset"] = columns()
            .map(|[name, kind, writer, meaning]| {
                json!({ "name": name, "type": kind, "writer": writer, "meaning": meaning })
            })
            .collect();
        value["columns_of_signals"] = signals()
            .map(|[name, kind, meaning]| json!({ "name": name, "type": kind, "meaning": meaning }))
            .collect();
    }
    value
}

fn as_text(files: &[&FileEntry], is_whole: bool) -> String {
    let mut text = String::new();
    for entry in files {
        text.push_str(&format!("{}\n  {}\n", entry.path, entry.meaning));
        if !entry.columns.is_empty() {
            text.push_str(&named(entry.columns));
        }
        text.push('\n');
    }
    text.push_str("columns that mean the same in every table\n");
    text.push_str(&named(COMMON));
    if is_whole {
        text.push_str("\ncolumns of the dataset\n");
        text.push_str(&table(&["column", "type", "written by", "meaning"], columns()));
        text.push_str("\ncolumns of ingest/signals/*.parquet\n");
        text.push_str(&table(&["column", "type", "meaning"], signals()));
    }
    text
}

fn named(columns: &[(&str, &str)]) -> String {
    let rows = columns.iter().map(|&(name, meaning)| [name.to_owned(), meaning.to_owned()]);
    table(&["column", "meaning"], rows)
}

fn table<const N: usize>(heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut table = Table::new(heads);
    rows.for_each(|row| table.row(row));
    table.render()
}
