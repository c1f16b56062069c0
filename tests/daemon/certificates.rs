//! What is said of a certificate that ends soon. The certificates are made by `openssl`; without it, a word is all.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::daemon::Setup;
use crate::common::port::free_port;
use crate::common::redis::RedisServer;
use crate::common::wait::until;
use crate::services;

const RULES: &str = include_str!("rules.toml");
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `openssl` in a folder; whether it is there.
fn openssl(folder: &Path, words: &str) -> bool {
    let Ok(done) = Command::new("openssl").args(words.split(' ')).current_dir(folder).output() else { return false };
    assert!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
    true
}

/// Makes an authority, and a certificate of it for `localhost` that lasts for so many days.
fn certify(folder: &Path, days: u32) -> bool {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").expect("a writable folder");
    openssl(folder, &format!("req -x509 {KEY} -keyout ca.key -out ca.pem -days 3650 -subj /CN=authority"))
        && openssl(folder, &format!("req {KEY} -keyout key.pem -out request -subj /CN=localhost"))
        && openssl(
            folder,
            &format!(
                "x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} -extfile names -out cert.pem"
            ),
        )
}

/// What the doctor finds of certificates, with its grade.
fn found(setup: &Setup) -> Vec<(String, String)> {
    let findings: Vec<Value> = serde_json::from_slice(&setup.run(&["doctor", "--json"]).stdout).expect("findings");
    let text = |one: &Value, member: &str| one[member].as_str().unwrap_or_default().to_owned();
    let all = findings.iter().filter(|one| one["subject"] == "certificate");
    all.map(|one| (text(one, "grade"), text(one, "text"))).collect()
}

#[test]
fn a_certificate_that_ends_within_a_month_is_told_of_by_log_metric_and_doctor() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if !certify(folder.path(), 10) {
        eprintln!("SKIPPED: no openssl to make certificates with");
        return;
    }
    let (port, path) = (free_port().to_string(), |name: &str| folder.path().join(name).display().to_string());
    let (cert, key, authority) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let store = RedisServer::start_with(&[
        ("tls-port", &port),
        ("tls-cert-file", &cert),
        ("tls-key-file", &key),
        ("tls-ca-cert-file", &authority),
        ("tls-auth-clients", "no"),
    ]);
    let url = format!("rediss://localhost:{port}");
    let setup = Setup::with_services(RULES, "certificates", &services().vhost("certificates"), &url);
    let setup = setup.set("SSL_CERT_FILE", &authority);
    let grades = found(&setup);
    assert_eq!(grades, [("doubtful".to_owned(), "the certificate that the store presents ends in 9 days".to_owned())]);

    let daemon = setup.start();
    until("the end to be told", PATIENCE, || daemon.log().contains("its certificate ends soon").then_some(()));
    let text = daemon.get("/metrics").text;
    let line = text.lines().find_map(|line| line.strip_prefix("picket_certificate_ends_seconds{part=\"store\"} "));
    let left: u64 = line.and_then(|left| left.parse().ok()).unwrap_or_else(|| panic!("{text}"));
    assert!(left > 9 * 86_400 && left <= 10 * 86_400, "{left} seconds");
    drop((daemon, store));

    // One that lasts is no trouble, and one of an authority that nobody trusts is.
    let other = tempfile::tempdir().expect("a temporary folder");
    certify(other.path(), 300);
    let path = |name: &str| other.path().join(name).display().to_string();
    let (cert, key, authority) = (path("cert.pem"), path("key.pem"), path("ca.pem"));
    let port = free_port().to_string();
    let _store = RedisServer::start_with(&[
        ("tls-port", &port),
        ("tls-cert-file", &cert),
        ("tls-key-file", &key),
        ("tls-ca-cert-file", &authority),
        ("tls-auth-clients", "no"),
    ]);
    let url = format!("rediss://localhost:{port}");
    let setup = Setup::with_services(RULES, "certificates", &services().vhost("certificates-2"), &url);
    let setup = setup.set("SSL_CERT_FILE", &authority);
    assert_eq!(found(&setup).first().map(|(grade, _)| grade.clone()).as_deref(), Some("good"));
    let setup = setup.set("SSL_CERT_FILE", &folder.path().join("ca.pem").display().to_string());
    assert_eq!(found(&setup).first().map(|(grade, _)| grade.clone()).as_deref(), Some("bad"));
}
