//! What a client in another language sees over RabbitMQ: the first contact, and the four sequences of the contract.

use std::path::Path;
use std::process::Command;

use crate::common::daemon::Setup;

const RULES: &str = include_str!("rules.toml");

#[test]
fn a_foreign_client_takes_a_contact_to_its_end_and_a_late_accept_is_rejected() {
    tell("first_contact");
}

#[test]
fn a_voice_contact_rings_connects_and_ends_as_the_contract_says() {
    tell("voice");
}

#[test]
fn a_chat_is_parked_and_comes_back_to_the_same_person() {
    tell("chat");
}

#[test]
fn an_e_mail_is_assigned_without_asking() {
    tell("e_mail");
}

#[test]
fn a_callback_waits_for_its_time_and_is_tried_again() {
    tell("callback");
}

/// Runs one story of `tests/python` against a daemon of its own.
fn tell(story: &str) {
    let services = crate::services();
    let amqp = services.vhost(story);
    let domain = story.replace('_', "-");
    let daemon = Setup::with_services(RULES, &domain, &amqp, &services.redis()).start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(format!("{story}.py"));
    let done = Command::new(python())
        .arg("-B")
        .arg(script)
        .args([&amqp, &domain, "platform"])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", python()));
    let (said, complaint) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{story}: {said}{complaint}\n{}", daemon.log_end());
    assert!(said.contains("the story ended as it should"), "{story} stopped in the middle: {said}");
}

/// A Python that has pika; `./test` sees to it.
fn python() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test script says which Python has pika")]
    let python = std::env::var("PICKET_TEST_PYTHON");
    python.unwrap_or_else(|_| "python3".to_owned())
}
