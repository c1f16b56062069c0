//! Whatever stands in a settings file and the environment, reading it answers, with the key that is to be mended.
//!
//! A seed is a settings file and, behind a line `%%`, variables as `NAME=value` lines.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use picket_fuzz::settings::{Settings, Sources};

fuzz_target!(|text: &str| {
    let (text, variables) = text.split_once("\n%%\n").unwrap_or((text, ""));
    // What a path names is not what is tried here, and a device may never end.
    if ["token_file", "TOKEN_FILE"].iter().any(|key| text.contains(key) || variables.contains(key)) {
        return;
    }
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let file = file();
    std::fs::write(&file, text).expect("the file is written");
    match Settings::load(Sources { file: Some(file), environment, flags: Vec::new() }) {
        Ok(settings) => assert!(!settings.instance().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// One file for each process, in memory where there is a place for that.
fn file() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("picket-fuzz-{}.toml", std::process::id()))
}
