//! Decides whether what is shipped beside the program still fits it: the unit, the image, the compose file.
#![expect(clippy::expect_used, reason = "a test that cannot go on says what it expected")]

use std::path::Path;
use std::process::Command;

use toml::{Table, Value};

/// A file of the repository.
fn read(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&whole).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn exists(path: &str) -> bool {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).exists()
}

/// Every value of one directive of a unit, in order.
fn directives<'a>(unit: &'a str, name: &str) -> Vec<&'a str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

/// Names of `PICKET_<SECTION>__<KEY>` in a text.
fn settings_named_in(text: &str) -> Vec<String> {
    let upper = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    text.split(upper).filter(|word| word.starts_with("PICKET_") && word.contains("__")).map(str::to_owned).collect()
}

/// Whether the manual has a setting, written out or behind `#`.
fn the_manual_has(variable: &str) -> bool {
    let path: Vec<String> = variable.trim_start_matches("PICKET_").split("__").map(str::to_ascii_lowercase).collect();
    let manual: Table = toml::from_str(&read("config/picket.toml")).expect("the manual is TOML");
    let root = Value::Table(manual);
    let at = path.iter().try_fold(&root, |table, key| table.get(key));
    // A setting without a default stands behind `#`; a named token is `[http.token.NAME]`.
    let last = path.last().map_or("", String::as_str);
    at.is_some() || read("config/picket.toml").lines().any(|line| line.starts_with(&format!("#{last} = ")))
}

#[test]
fn a_reload_checks_the_rules_before_the_daemon_is_told() {
    let unit = read("systemd/picket.service");
    let reload = directives(&unit, "ExecReload");
    assert_eq!(reload.len(), 2, "a check and a signal: {reload:?}");
    assert!(reload[0].starts_with("/usr/bin/picket check"), "the first step is {}", reload[0]);
    assert_eq!(reload[1], "/bin/kill -HUP $MAINPID");
}

#[test]
fn the_unit_waits_for_readiness_and_kills_what_no_longer_turns() {
    let unit = read("systemd/picket.service");
    assert_eq!(directives(&unit, "Type"), ["notify"], "Debian 12 has systemd 252, which knows no notify-reload");
    assert_eq!(directives(&unit, "WatchdogSec").len(), 1);
    assert_eq!(directives(&unit, "Restart"), ["always"]);
}

#[test]
fn the_unit_may_open_the_port_that_the_daemon_listens_on_by_default() {
    let settings: Table = toml::from_str(&read("config/picket.toml")).expect("the manual is TOML");
    let listen = settings["http"]["listen"].as_str().expect("a default address");
    let port = listen.rsplit(':').next().expect("a port");
    assert_eq!(directives(&read("systemd/picket.service"), "SocketBindAllow"), [format!("tcp:{port}")]);
    assert!(read("docker/compose.yaml").contains(&format!("\"127.0.0.1:{port}:{port}\"")));
    assert!(read("docker/Dockerfile").contains(&format!("EXPOSE {port}")));
}

#[test]
fn users_and_folders_of_the_unit_are_made_by_sysusers_and_tmpfiles() {
    let (unit, users, folders) =
        (read("systemd/picket.service"), read("systemd/picket.sysusers"), read("systemd/picket.tmpfiles"));
    let user = directives(&unit, "User")[0];
    assert!(users.lines().any(|line| line.split_whitespace().take(2).eq(["u", user])), "no user {user}");
    let state = format!("/var/lib/{}", directives(&unit, "StateDirectory")[0]);
    let made = |path: &str| folders.lines().any(|line| line.split_whitespace().nth(1) == Some(path));
    assert!(made(&state) && made("/etc/picket"), "a folder of the unit is not made");
}

#[test]
fn every_setting_that_image_and_compose_file_name_exists() {
    let named: Vec<_> = ["docker/Dockerfile", "docker/compose.yaml", "systemd/picket.service"]
        .iter()
        .flat_map(|file| settings_named_in(&read(file)))
        .collect();
    assert!(named.len() >= 10, "only {named:?}");
    let unknown: Vec<_> = named.into_iter().filter(|name| !the_manual_has(name)).collect();
    assert!(unknown.is_empty(), "not in config/picket.toml: {unknown:?}");
}

#[test]
fn every_file_that_the_compose_file_mounts_exists() {
    let compose = read("docker/compose.yaml");
    let mounts: Vec<_> = compose
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "))
        .filter(|item| item.starts_with("./") || item.starts_with("../"))
        .filter_map(|item| item.split(':').next())
        .collect();
    assert!(mounts.len() >= 3, "only {mounts:?}");
    let missing: Vec<_> = mounts.into_iter().filter(|path| !exists(&format!("docker/{path}"))).collect();
    assert!(missing.is_empty(), "the compose file mounts what is not there: {missing:?}");
    assert!(exists("docker/Dockerfile") && exists("config/rules"));
}

#[test]
fn the_compose_file_is_indented_in_twos_and_names_each_key_once() {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for (number, line) in read("docker/compose.yaml").lines().enumerate() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        assert!(!line.contains('\t') && indent.is_multiple_of(2), "line {}: {line:?}", number + 1);
        if bare.is_empty() || bare.starts_with(['#', '-']) {
            continue;
        }
        let key = bare.split(':').next().expect("a key").to_owned();
        assert!(bare.contains(':'), "line {}: neither a key nor an item: {line:?}", number + 1);
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, key));
        let whole = path.iter().map(|(_, key)| key.as_str()).collect::<Vec<_>>().join(".");
        assert!(seen.insert(whole.clone()), "line {}: {whole} a second time", number + 1);
    }
    for service in ["rabbitmq", "redis", "picket"] {
        assert!(seen.contains(&format!("services.{service}")), "no service {service}");
    }
}

#[test]
fn the_store_of_the_compose_file_keeps_the_promise_of_its_profile() {
    let redis = read("docker/redis.conf");
    for line in ["appendonly yes", "appendfsync always", "maxmemory-policy noeviction"] {
        assert!(redis.lines().any(|l| l == line), "redis.conf does not say `{line}`");
    }
}

#[test]
fn the_image_runs_as_nobody_in_particular_from_a_stage_of_its_own() {
    let image = read("docker/Dockerfile");
    let stages = image.lines().filter(|line| line.starts_with("FROM ")).count();
    assert_eq!(stages, 2, "a build stage and a run stage");
    let user = image.lines().rfind(|line| line.starts_with("USER ")).expect("a USER line");
    assert!(!user.contains("root:") || user.contains("nonroot:"), "{user}");
    let compose = read("docker/compose.yaml");
    let own = &compose[compose.find("\n  picket:").expect("the service")..];
    assert!(own.contains("read_only: true") && own.contains("cap_drop: [\"ALL\"]"));
}

#[test]
fn secrets_are_made_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let prepare = || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/prepare");
        let done = Command::new(script).arg(folder.path()).output().expect("docker/prepare runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    let said = prepare();
    let token = said.trim_end().rsplit(' ').next().expect("a token");
    let file = folder.path().join(".env");
    let first = std::fs::read_to_string(&file).expect("the file");
    assert!(!first.contains(token), "the token itself is stored");
    assert_eq!(token.len(), 64, "256 bits in hexadecimal");
    assert_eq!(std::fs::metadata(&file).expect("the file").permissions().mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::metadata(folder.path().join("secrets")).expect("the folder").permissions().mode() & 0o777,
        0o700
    );
    for name in ["RABBITMQ_PASSWORD", "REDIS_PASSWORD", "PICKET_TOKEN_SHA256"] {
        let value = first.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).expect("a line of it");
        assert_eq!(value.len(), 64, "{name}");
        assert!(read("docker/compose.yaml").contains(&format!("${{{name}:?")), "{name} is not asked for");
    }
    prepare();
    assert_eq!(std::fs::read_to_string(&file).expect("the file"), first, "a second run changed the secrets");
}
