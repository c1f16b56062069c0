//! Decides how `picket schema` writes and checks the contract's documents.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::contract::schema::{Document, documents};

const EXAMPLES: &str = "\
Examples:
  picket schema                       write JSON Schemas and the AsyncAPI document to docs/schemas
  picket schema --dir schemas         write them elsewhere
  picket schema --check               say which written ones differ from this version; exit code 1 if any does";

/// Writes the contract's JSON Schemas and its AsyncAPI document.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schema {
    /// Where they are written.
    #[arg(long, value_name = "DIR", default_value = "docs/schemas")]
    dir: PathBuf,
    /// Writes nothing; compares what is there with this version.
    #[arg(long)]
    check: bool,
}

impl Schema {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let documents = documents();
        if !self.check {
            for document in &documents {
                write(&self.dir, document)?;
            }
            println!("{} documents written to {}", documents.len(), self.dir.display());
            return Ok(ExitCode::SUCCESS);
        }
        let mut differing = Vec::new();
        for document in &documents {
            let path = self.dir.join(&document.path);
            // A file that cannot be read is a difference too: it says so by its name.
            if fs::read_to_string(&path).ok().as_deref() != Some(document.text.as_str()) {
                differing.push(path);
            }
        }
        for path in &differing {
            println!("differs: {}", path.display());
        }
        println!("{} of {} documents are up to date", documents.len() - differing.len(), documents.len());
        Ok(if differing.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn write(dir: &Path, document: &Document) -> anyhow::Result<()> {
    let path = dir.join(&document.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
    }
    fs::write(&path, &document.text).with_context(|| format!("writing {}", path.display()))
}
