//! Decides whether the tree is still the one ARCHITECTURE.md draws, by reading the sources.

mod architecture {
    pub(crate) mod arrows;
    pub(crate) mod source;
}

use architecture::arrows::{self, Part};
use architecture::source::{self, Source};

/// Files longer than this are split by what is decided in them.
const LONGEST: usize = 500;

#[test]
fn every_part_uses_only_the_parts_below_it() {
    let sources = source::rust_under("src");
    assert!(sources.len() > 3, "the sources were not found");
    let wrong: Vec<_> = sources.iter().flat_map(arrows::wrong).collect();
    assert!(wrong.is_empty(), "arrows that the map does not have:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_of_the_shell_is_on_the_map() {
    let strange: Vec<_> =
        source::rust_under("src").into_iter().filter(|s| Part::of(&s.path).is_none()).map(|s| s.path).collect();
    assert!(strange.is_empty(), "files of no part of the map: {strange:?}");
}

#[test]
fn the_packages_below_depend_on_nothing_above_them() {
    let allowed = [("core", &[][..]), ("rules", &["picket-core"]), ("sim", &["picket-core", "picket-rules"])];
    for (package, below) in allowed {
        let manifest: toml::Table =
            toml::from_str(&source::read(&format!("{package}/Cargo.toml"))).expect("a manifest");
        let named =
            manifest.get("dependencies").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
        let wrong: Vec<_> = named.filter(|n| n.starts_with("picket") && !below.contains(&n.as_str())).collect();
        assert!(wrong.is_empty(), "{package} depends on {wrong:?}");
    }
}

#[test]
fn the_core_is_no_std_and_decides_in_integers() {
    assert!(source::read("core/src/lib.rs").contains("#![no_std]"), "core/src/lib.rs does not say #![no_std]");
    let told = uses_of(&source::rust_under("core/src"), &["f32", "f64", "HashMap", "HashSet", "std::"]);
    assert!(told.is_empty(), "the core holds to integers and to what is ordered:\n{}", told.join("\n"));
}

#[test]
fn the_time_is_read_in_the_clock_only() {
    let others: Vec<_> = shipped().into_iter().filter(|s| s.path != "src/clock.rs").collect();
    let told = uses_of(
        &others,
        &["SystemTime::now", "Instant::now", "Utc::now", "Local::now", "Zoned::now", "Timestamp::now"],
    );
    assert!(told.is_empty(), "the clock is read outside src/clock.rs:\n{}", told.join("\n"));
}

#[test]
fn the_environment_is_read_in_the_settings_only() {
    let others: Vec<_> = shipped().into_iter().filter(|s| !s.path.starts_with("src/settings/")).collect();
    let told = uses_of(&others, &["env::var", "env::var_os", "env::vars", "env::vars_os"]);
    assert!(told.is_empty(), "the environment is read outside src/settings:\n{}", told.join("\n"));
}

#[test]
fn no_task_is_detached_and_no_queue_is_without_bound() {
    let told = uses_of(&shipped(), &["tokio::spawn", "unbounded_channel"]);
    assert!(told.is_empty(), "tasks belong to a JoinSet, and every queue has a bound:\n{}", told.join("\n"));
}

/// Otherwise a seed of the simulation would not be a run.
#[test]
fn every_select_of_the_shell_looks_in_a_fixed_order() {
    let selects = shipped().into_iter().filter(|s| s.path.starts_with("src/shard/")).flat_map(|s| {
        let lines: Vec<&str> = s.text.lines().collect();
        let free = lines
            .windows(2)
            .enumerate()
            .filter(|(_, pair)| pair[0].contains("select! {") && pair[1].trim() != "biased;");
        free.map(|(at, _)| format!("{}:{}", s.path, at + 1)).collect::<Vec<_>>()
    });
    let told: Vec<String> = selects.collect();
    assert!(told.is_empty(), "begin these with `biased;`:\n{}", told.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let told = uses_of(&source::all_rust(), &["todo!", "unimplemented!", "dbg!", "#[ignore"]);
    assert!(told.is_empty(), "stubs:\n{}", told.join("\n"));
}

#[test]
fn no_file_is_longer_than_can_be_read_at_once() {
    let long: Vec<_> = source::all_rust()
        .into_iter()
        .map(|s| (s.text.lines().count(), s.path))
        .filter(|(lines, _)| *lines > LONGEST)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "split these by what is decided in them:\n{}", long.join("\n"));
}

#[test]
fn every_source_of_the_shell_opens_with_what_is_decided_there() {
    let mute: Vec<_> = shipped()
        .into_iter()
        .filter(|s| !s.path.ends_with("/tests.rs") && !s.text.starts_with("//! "))
        .map(|s| s.path)
        .collect();
    assert!(mute.is_empty(), "these do not open with a sentence: {mute:?}");
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    // Put together here, so that this file does not contain them.
    let homes = [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Use", "rs/"]].map(|halves| halves.concat());
    let mut told = Vec::new();
    for file in source::texts() {
        for (number, line) in file.text.lines().enumerate() {
            if homes.iter().any(|home| line.contains(home.as_str())) {
                told.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert!(told.is_empty(), "paths of somebody's machine:\n{}", told.join("\n"));
}

/// Sources of the four packages, without their tests.
fn shipped() -> Vec<Source> {
    ["core/src", "rules/src", "sim/src", "src"].iter().flat_map(|folder| source::rust_under(folder)).collect()
}

/// Where one of these words stands in code (not in a comment, a text or a test module).
fn uses_of(sources: &[Source], words: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    for source in sources {
        for (number, line) in source.code() {
            for word in words.iter().filter(|word| source::has_word(&line, word)) {
                told.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    told
}
