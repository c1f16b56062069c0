use std::collections::HashMap;

use super::*;

/// What a run with these settings would start with.
fn load(file: &str, environment: &[(&str, &str)], flags: Vec<Flag>) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picket.toml");
    std::fs::write(&path, file).unwrap();
    let environment: HashMap<_, _> = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::load(Sources { file: Some(path), environment, flags }).map_err(|error| {
        let mut said = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said = format!("{said}: {cause}");
            source = cause.source();
        }
        said.replace(&folder.path().display().to_string(), "DIR")
    })
}

fn flag(flag: &'static str, key: &'static str, value: &str) -> Flag {
    Flag { flag, key, value: value.to_owned() }
}

#[test]
fn a_later_layer_wins() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nconnections = 7\n[shard]\nname = \"file\"";
    let variables = [("PICKET_HTTP__LISTEN", "127.0.0.1:2"), ("PICKET_SHARD__NAME", "variable"), ("PICKET_TOKEN", "x")];
    let settings = load(file, &variables, vec![flag("--listen", "http.listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(settings.http.listen.port(), 3);
    assert_eq!(settings.shard.name, "variable");
    assert_eq!(settings.http.connections, 7);
    assert_eq!(settings.broker.rabbitmq.prefetch, 128, "what no layer sets is built in");
}

#[test]
fn numbers_lists_and_switches_come_from_the_environment_too() {
    let variables = [
        ("PICKET_STORE__REDIS__REPLICAS", "2"),
        ("PICKET_STORE__REDIS__PROFILE", "redis-ha"),
        ("PICKET_SHARD__DOMAINS", "emea, apac"),
        ("PICKET_BROKER__RABBITMQ__OUTPUT_GATE", "false"),
        ("PICKET_SOURCE__PBX__USER", "1001"),
    ];
    let settings = load("", &variables, Vec::new()).unwrap();
    assert_eq!((settings.store.redis.replicas, settings.store.redis.profile), (2, RedisProfile::Ha));
    assert_eq!(settings.shard.domains.0, ["emea", "apac"]);
    assert!(!settings.broker.rabbitmq.output_gate);
    assert_eq!(settings.source["pbx"].user.as_deref(), Some("1001"));
    let uri = "[source.\"https://chat.example/Tenant-1\"]\nuser = \"chat\"";
    let settings = load(uri, &[], Vec::new()).unwrap();
    assert_eq!(settings.source["https://chat.example/Tenant-1"].user.as_deref(), Some("chat"));
}

#[test]
fn an_unknown_key_is_named_with_its_layer_and_the_closest_one() {
    let said = load("[http]\nlisten_on = \"127.0.0.1:1\"", &[], Vec::new()).unwrap_err();
    assert_eq!(said, "there is no setting `http.listen_on` (DIR/picket.toml); did you mean `http.listen`?");
    let said = load("", &[("PICKET_STORE__REDIS__REPLICA", "1")], Vec::new()).unwrap_err();
    assert_eq!(
        said,
        "there is no setting `store.redis.replica` (environment variable PICKET_STORE__REDIS__REPLICA); \
         did you mean `store.redis.replicas`?"
    );
    let said = load("[brokers]\nkind = \"rabbitmq\"", &[], Vec::new()).unwrap_err();
    assert_eq!(said, "there is no setting `brokers` (DIR/picket.toml); did you mean `broker`?");
    let said = load("[source.pbx]\nqqq = 1", &[], Vec::new()).unwrap_err();
    assert_eq!(said, "there is no setting `source.pbx.qqq` (DIR/picket.toml); config/picket.toml lists all of them");
}

#[test]
fn a_wrong_value_is_named_with_its_key_and_layer() {
    let said = load("[http]\nheader_timeout = \"10\"", &[], Vec::new()).unwrap_err();
    assert_eq!(
        said,
        "setting `http.header_timeout` (DIR/picket.toml): `10` is not a span such as \"250ms\", \"5s\", \"10m\" or \"14d\""
    );
    let said = load("", &[("PICKET_STORE__KIND", "postgres")], Vec::new()).unwrap_err();
    assert!(said.starts_with("setting `store.kind` (environment variable PICKET_STORE__KIND): "), "{said}");
    assert!(said.contains("postgres") && said.contains("embedded"), "{said}");
    let said = load("", &[], vec![flag("--listen", "http.listen", "nowhere")]).unwrap_err();
    assert!(said.starts_with("setting `http.listen` (flag --listen): "), "{said}");
    let said = load("[http\n", &[], Vec::new()).unwrap_err();
    assert!(said.starts_with("DIR/picket.toml is not valid TOML: ") && said.contains("line 1"), "{said}");
}

#[test]
fn an_address_that_others_reach_needs_an_access_token() {
    let open = "[http]\nlisten = \"0.0.0.0:7420\"\n";
    let said = load(open, &[], Vec::new()).unwrap_err();
    assert!(said.contains("no access token is configured; set http.token_file"), "{said}");
    let token = format!("{open}[http.token.pbx]\nsha256 = \"{}\"", "ab".repeat(32));
    assert_eq!(load(&token, &[], Vec::new()).unwrap().http.token["pbx"].rights, [Right::Read, Right::Send]);
}

#[test]
fn a_driven_clock_stays_on_this_machine() {
    let driven = format!("[clock]\nkind = \"driven\"\n[http.token.pbx]\nsha256 = \"{}\"\n", "ab".repeat(32));
    assert!(load(&driven, &[], Vec::new()).is_ok());
    let said = load(&driven, &[("PICKET_HTTP__LISTEN", "192.0.2.1:7420")], Vec::new()).unwrap_err();
    assert!(said.contains("`clock.kind`") && said.contains("driven clock"), "{said}");
}

#[test]
fn a_remote_service_needs_encryption_or_a_word_of_trust() {
    let plain = "[broker]\nkind = \"rabbitmq\"\nrabbitmq.url = \"amqp://user:hunter2@mq.example:5672\"\n";
    let said = load(plain, &[], Vec::new()).unwrap_err();
    assert!(said.contains("amqp://mq.example:5672 is remote and not encrypted"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    let settings = load(plain, &[("PICKET_BROKER__RABBITMQ__PLAINTEXT", "allowed")], Vec::new()).unwrap();
    assert!(settings.broker.rabbitmq.url.expose().contains("hunter2"));
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_profile_that_would_lose_commits_is_refused() {
    let redis = "[store]\nkind = \"redis\"\n[store.redis]\n";
    let said = load(&format!("{redis}replicas = 1"), &[], Vec::new()).unwrap_err();
    assert!(said.contains("a failover would lose commits; set it to \"redis-ha\""), "{said}");
    let said = load(&format!("{redis}profile = \"redis-ha\""), &[], Vec::new()).unwrap_err();
    assert!(said.contains("`store.redis.replicas` (the built-in settings)"), "{said}");
}

#[test]
fn a_relative_path_is_taken_from_where_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picket.toml");
    let load = |text: &str, environment: &[(&str, &str)]| {
        std::fs::write(&path, text).unwrap();
        let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Settings::load(Sources { file: Some(path.clone()), environment, flags: Vec::new() }).unwrap()
    };
    assert_eq!(load("", &[]).rules.path, folder.path().join("rules"), "beside the file by default");
    assert_eq!(load("", &[("PICKET_RULES__PATH", "mine")]).rules.path, Path::new("mine"));
    assert_eq!(load("", &[]).store.path, Path::new("picket-data"));
    assert_eq!(
        load("", &[("STATE_DIRECTORY", "/var/lib/picket")]).store.path,
        Path::new("/var/lib/picket/picket-data")
    );
    assert_eq!(load("[store]\npath = \"/data\"", &[]).store.path, Path::new("/data"));
}

#[test]
fn tokens_come_from_a_file_beside_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picket.toml");
    std::fs::write(&path, "[http]\ntoken_file = \"tokens\"").unwrap();
    let load = || Settings::load(Sources { file: Some(path.clone()), ..Sources::default() });
    assert!(matches!(load(), Err(Error::Read { .. })), "a file that is named must exist");
    std::fs::write(folder.path().join("tokens"), format!("# clients\npbx {}\n", "ab".repeat(32))).unwrap();
    assert!(load().unwrap().http.token.contains_key("pbx"));
    std::fs::write(folder.path().join("tokens"), "pbx secret").unwrap();
    assert!(load().unwrap_err().to_string().contains("tokens line 1: the SHA-256 is not"));
}

/// The manual documents every setting: with the examples of its comments switched on, each optional one is there.
#[test]
fn the_manual_names_every_setting() {
    let everything: String = BUILT_IN
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if example.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => {
                format!("{example}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let everything = everything.replace("token_file = \"tokens\"", "");
    let settings = load(&everything, &[], Vec::new()).unwrap();
    let source = &settings.source["pbx"];
    assert!(source.user.is_some() && source.reply && source.lost_after.is_some());
    assert!(![&source.domains, &source.types, &source.personal].iter().any(|list| list.0.is_empty()));
    assert!(settings.shard.instance.is_some());
    assert!(settings.people.pepper_file.is_some() && settings.http.token.contains_key("pbx"));
    assert!(BUILT_IN.contains("\n#token_file = "));
}

#[test]
fn without_any_layer_the_built_in_settings_are_whole() {
    let settings = Settings::load(Sources::default()).unwrap();
    assert_eq!(settings.http.listen.to_string(), "127.0.0.1:7420");
    assert_eq!((settings.store.kind, settings.broker.kind), (StoreKind::Embedded, BrokerKind::Embedded));
    assert!(!settings.instance().is_empty());
}
