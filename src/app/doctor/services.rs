//! Decides what is looked at of a RabbitMQ and of a Redis, and what is said of each.

use picket_rules::RuleSet;

use super::Finding;
use crate::app::{certificates, parts};
use crate::broker::rabbitmq::{self, Age, Lacking, Listening, Right, Server};
use crate::clock::Clock;
use crate::settings::{BrokerKind, BrokerSetup, Settings};
use crate::shard::ports::{BrokerError, Store as _, StoreError};
use crate::store::Redis;
use crate::store::redis::Condition;
use crate::telemetry::chain;

/// Milliseconds between two clocks from which deadlines told by one are wrong by the other.
const SKEW_WELL: u64 = 500;

/// Hundredths of the memory that a server may use, from which somebody should look.
const MEMORY_WELL: u64 = 80;

const MIB: u64 = 1 << 20;

/// What findings about certificates are about.
const SUBJECT: &str = "certificate";

pub(super) async fn redis(settings: &Settings) -> Vec<Finding> {
    let opened = async {
        let store = Redis::open(parts::redis_options(settings)?).await?;
        store.check().await?;
        let (condition, clock) = (store.condition().await?, store.clock().await?);
        Ok::<_, anyhow::Error>((store, condition, clock))
    };
    match opened.await {
        Ok((store, condition, clock)) => {
            let skew = Clock::System.now().0.abs_diff(clock.0);
            let replicas = match condition.replicas {
                0 => "no replicas".to_owned(),
                1 => "one replica".to_owned(),
                more => format!("{more} replicas"),
            };
            let text = format!(
                "Redis {} is reached, and keeps what it acknowledges; it has {replicas}, and the right role, settings and \
                 functions",
                condition.version
            );
            let mut findings = vec![Finding::good("store", text), skewed(skew)];
            findings.extend(crowded(&condition));
            findings.push(redis_rights(&store, settings).await);
            findings
        }
        Err(error) if matches!(error.downcast_ref(), Some(StoreError::Unavailable { .. })) => {
            let host = settings.store.redis.url.host();
            let remedy = format!("is Redis running at {host}, and is store.redis.url right?");
            vec![Finding::bad("store", chain(error.as_ref()), remedy)]
        }
        Err(error) => vec![Finding::refused("store", &error)],
    }
}

fn skewed(ms: u64) -> Finding {
    let text = format!("this machine's clock and that of Redis are {ms} ms apart");
    if ms < SKEW_WELL {
        return Finding::good("clock", text);
    }
    Finding::doubtful("clock", text, "let both machines take their time from the same servers (NTP)")
}

/// Whether a server that may use so much memory is about to refuse; nothing to say where nothing limits it.
fn crowded(condition: &Condition) -> Option<Finding> {
    let most = condition.most?;
    let text = format!("Redis uses {} MiB of the {} that it may (maxmemory)", condition.used / MIB, most / MIB);
    Some(if condition.used.saturating_mul(100) < most.saturating_mul(MEMORY_WELL) {
        Finding::good("memory", text)
    } else {
        Finding::doubtful("memory", text, "raise maxmemory: a server that is full takes no batch, and routing stops")
    })
}

async fn redis_rights(store: &Redis, settings: &Settings) -> Finding {
    let mut refusal = Ok(None);
    for (shard, _) in settings.all_shards() {
        refusal = store.refusal(&shard).await;
        if !matches!(refusal, Ok(None)) {
            break;
        }
    }
    match refusal {
        Ok(None) => Finding::good("rights", "its user may do in Redis all that the store does"),
        Ok(Some(said)) => Finding::bad(
            "rights",
            format!("its user may not do in Redis what the store does: {said}"),
            "ACL SETUSER … ~pk:* +@all -@admin -@dangerous +info +config|get +function",
        ),
        Err(error) => Finding::doubtful(
            "rights",
            format!("what its user may do in Redis cannot be looked at: {}", chain(&error)),
            "allow +multi +discard, or make sure that the user has all that the store needs",
        ),
    }
}

pub(super) async fn broker(settings: &Settings, rules: Option<&RuleSet>) -> Vec<Finding> {
    let Some(rules) = rules.filter(|_| settings.broker.kind == BrokerKind::Rabbitmq) else {
        let embedded = Finding::good("broker", "embedded: events come and go over HTTP");
        return Vec::from_iter((settings.broker.kind == BrokerKind::Embedded).then_some(embedded));
    };
    let options = parts::rabbitmq_options(settings);
    let server = match Server::ask(&options).await {
        Ok(server) => server,
        Err(error) => return vec![unreached(settings, &error)],
    };
    let mut findings = vec![aged(&server)];
    match parts::set_up(settings, rules, BrokerSetup::Check).await {
        Ok(names) => {
            let text = format!("all {} exchanges and queues are there", names.len());
            findings.push(compared(parts::differences(settings, rules).await, text));
        }
        Err(error) => match error.downcast_ref() {
            Some(error @ BrokerError::Unavailable { .. }) => {
                findings.push(unreached(settings, error));
                return findings;
            }
            _ => {
                let remedy = "`picket setup` makes what is missing; what is there and different is not touched";
                findings.push(Finding::bad("broker", chain(error.as_ref()), remedy));
            }
        },
    }
    findings.push(heard(&rabbitmq::listening(&options).await));
    findings.extend(broker_rights(settings, &options, rules).await);
    findings
}

fn unreached(settings: &Settings, error: &BrokerError) -> Finding {
    let remedy = rabbitmq::locked_out(error).map_or_else(
        || {
            let host = settings.broker.rabbitmq.url.host();
            format!("is RabbitMQ running at {host}, and is broker.rabbitmq.url right?")
        },
        str::to_owned,
    );
    Finding::bad("broker", chain(error), remedy)
}

fn aged(server: &Server) -> Finding {
    let Server { product, version } = server;
    let text = format!("{product} {version} is reached");
    match server.age() {
        Age::Known => Finding::good("broker", text),
        Age::TooOld => {
            let remedy =
                "Picket needs RabbitMQ 3.10 or newer: streams, and quorum queues that dead-letter at least once";
            Finding::bad("broker", text, remedy)
        }
        Age::Unknown => {
            let text = format!("what is reached calls itself {product:?}, version {version:?}");
            Finding::doubtful(
                "broker",
                text,
                "Picket is made for RabbitMQ 3.10 or newer, and tried with no other broker",
            )
        }
    }
}

/// Whether what is there is as the settings say.
fn compared(differences: anyhow::Result<Vec<String>>, all_there: String) -> Finding {
    match differences {
        Ok(different) if different.is_empty() => Finding::good("broker", all_there),
        Ok(different) => Finding::bad(
            "broker",
            different.join("; "),
            "a daemon with setup = \"declare\" cannot start: set the options back; or, with every daemon stopped and the queue \
             empty, `rabbitmqctl delete_queue NAME` and `picket setup` (an archive need not be empty: what it kept is gone)",
        ),
        Err(error) => Finding::doubtful("broker", chain(error.as_ref()), "look at the broker's log, and try again"),
    }
}

/// Whether it would be noticed that nobody hears an output.
fn heard(listening: &Result<Listening, BrokerError>) -> Finding {
    const UNHEARD: &str = "unheard";
    match listening {
        Ok(Listening::Noticed) => Finding::good(UNHEARD, "outputs that nobody has bound a queue for are noticed"),
        Ok(Listening::ByPolicy) => Finding::doubtful(
            UNHEARD,
            "picket.out is from before and has no alternate exchange: without this policy, outputs that nobody has bound a \
             queue for are not noticed",
            r#"rabbitmqctl set_policy picket-unheard '^picket\.out$' '{"alternate-exchange":"picket.unheard"}' --apply-to exchanges"#,
        ),
        Ok(Listening::Missing(what)) => Finding::doubtful(
            UNHEARD,
            format!("outputs that nobody has bound a queue for are not noticed: {what}"),
            "`picket setup` makes what is missing",
        ),
        Err(error) => Finding::doubtful(UNHEARD, chain(error), "look at the broker's log, and try again"),
    }
}

async fn broker_rights(settings: &Settings, options: &rabbitmq::Options, rules: &RuleSet) -> Vec<Finding> {
    let mut lacking: Vec<Lacking> = Vec::new();
    for route in parts::routes(settings, rules) {
        match rabbitmq::lacking(options, &route).await {
            Ok(more) => lacking.extend(more),
            Err(error) => {
                let text = format!("what its user may do at the broker cannot be looked at: {}", chain(&error));
                return vec![Finding::doubtful("rights", text, "look at the broker's log, and try again")];
            }
        }
    }
    let findings: Vec<Finding> = [Right::Configure, Right::Write, Right::Read]
        .into_iter()
        .filter_map(|right| may_not(right, &lacking, options))
        .collect();
    if findings.is_empty() {
        return vec![Finding::good("rights", "its user may do at the broker all that the daemon does")];
    }
    findings
}

/// What the user lacks of one right.
fn may_not(right: Right, lacking: &[Lacking], options: &rabbitmq::Options) -> Option<Finding> {
    let mut of_it = lacking.iter().filter(|lacking| lacking.right == right).peekable();
    let said = of_it.peek()?.said.clone();
    let mut objects: Vec<&str> = of_it.map(|lacking| lacking.object.as_str()).collect();
    objects.sort_unstable();
    objects.dedup();
    let (user, vhost) = options.user_and_vhost().unwrap_or_default();
    let configure = match options.setup {
        rabbitmq::Setup::Declare => r"^picket\.",
        rabbitmq::Setup::Check => r"^picket\..*\.lock$",
    };
    let text = format!("{user} may not {} {} (the broker says: {said})", right.word(), objects.join(", "));
    let remedy = format!(
        r"rabbitmqctl set_permissions -p '{vhost}' '{user}' '{configure}' '^(picket\.|amq\.default$)' '^picket\.'"
    );
    Some(Finding::bad("rights", text, remedy))
}

/// When the certificates end that the parts present which are reached over TLS.
pub(super) async fn certificates(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for place in certificates::places(settings) {
        let part = place.part;
        findings.push(match place.left().await {
            Ok(left) => lasting(part, left),
            Err(error) => Finding::bad(
                SUBJECT,
                format!("the {part} presents no certificate that is trusted: {error:#}"),
                "let its certificate be signed by an authority that this machine trusts, for the name in the url",
            ),
        });
    }
    findings
}

fn lasting(part: &str, left: i64) -> Finding {
    let text = format!("the certificate that the {part} presents ends {}", certificates::days(left));
    if certificates::is_soon(left) {
        return Finding::doubtful(SUBJECT, text, "renew it: without one that is valid, no new connection is made");
    }
    Finding::good(SUBJECT, text)
}

#[cfg(test)]
mod tests {
    use super::{aged, crowded, may_not, skewed};
    use crate::app::doctor::Grade;
    use crate::broker::rabbitmq::{Lacking, Options, Right, Server, Setup};
    use crate::store::redis::Condition;

    #[test]
    fn clocks_half_a_second_apart_are_doubtful() {
        assert_eq!([skewed(20).grade, skewed(500).grade], [Grade::Good, Grade::Doubtful]);
    }

    #[test]
    fn a_server_near_its_limit_of_memory_is_doubtful_and_without_one_there_is_nothing_to_say() {
        let graded = |used, most| crowded(&Condition { used, most, ..Condition::default() }).map(|found| found.grade);
        assert_eq!([graded(79, Some(100)), graded(80, Some(100))], [Some(Grade::Good), Some(Grade::Doubtful)]);
        assert_eq!(graded(80, None), None);
    }

    #[test]
    fn an_old_rabbitmq_is_bad_and_another_broker_doubtful() {
        let graded = |product: &str, version: &str| {
            aged(&Server { product: product.to_owned(), version: version.to_owned() }).grade
        };
        let grades = [graded("RabbitMQ", "3.9.29"), graded("RabbitMQ", "4.1.0"), graded("LavinMQ", "2.3.0")];
        assert_eq!(grades, [Grade::Bad, Grade::Good, Grade::Doubtful]);
    }

    #[test]
    fn what_is_lacking_of_a_right_is_one_finding_with_the_command_that_grants_it() {
        let lack = |right, object: &str| Lacking { right, object: object.to_owned(), said: "no".to_owned() };
        let lacking = [lack(Right::Write, "picket.out"), lack(Right::Write, "picket.dead"), lack(Right::Read, "a")];
        let url = "amqp://ann:secret@broker/site".to_owned();
        let options = Options { url, setup: Setup::Check, ..Options::default() };
        let found = may_not(Right::Write, &lacking, &options).expect("lacking");
        assert!(found.text.starts_with("ann may not write picket.dead, picket.out"), "{}", found.text);
        let remedy = found.remedy.unwrap_or_default();
        assert!(remedy.starts_with(r"rabbitmqctl set_permissions -p 'site' 'ann' '^picket\..*\.lock$' "), "{remedy}");
        assert!(!remedy.contains("secret"));
        assert_eq!(may_not(Right::Configure, &lacking, &options), None);
    }
}
