//! What plan comes out of rules and facts.

use picket_core::{
    CalendarId, ExitAction, Hold, Kind, Level, Millis, Name, Names, Timestamp, Urgency, Who, WorldChange,
};
use picket_rules::facts::{AccountFacts, ContactFacts, CustomerFacts, Facts};
use picket_rules::plan::RuleStage;
use picket_rules::{Alarm, RuleSet};

use super::support::{Applied, check, moment};

const EXAMPLE: &str = include_str!("files/example.toml");

fn contact(channel: &str, topic: &str) -> ContactFacts {
    ContactFacts { channel: channel.to_owned(), topic: Some(topic.to_owned()), ..ContactFacts::default() }
}

fn valued(account: &str) -> CustomerFacts {
    CustomerFacts {
        account: Some(account.to_owned()),
        lifetime_value: Some(120_000),
        influence: Some(5),
        ..CustomerFacts::default()
    }
}

fn applied(text: &str) -> Applied {
    Applied::new(check(text).unwrap_or_else(|findings| panic!("{findings:#?}")).0)
}

#[test]
fn the_same_facts_make_the_same_plan() {
    let one = applied(EXAMPLE);
    let facts = Facts { contact: contact("voice", "order"), customer: Some(valued("jhu")), ..Facts::default() };
    assert_eq!(one.plan(&facts), applied(EXAMPLE).plan(&facts));
    assert_eq!(one.set.hash(), applied(EXAMPLE).set.hash());
}

#[test]
fn the_files_of_a_set_make_the_same_set_again() {
    let one = applied(EXAMPLE);
    let again = RuleSet::parse(one.set.files()).unwrap().0;
    assert_eq!(one.set.hash(), again.hash());
    assert_eq!(one.world, Applied::new(again).world);
}

#[test]
fn the_hash_of_a_set_says_nothing_of_the_folder_it_lies_in() {
    let set = applied(EXAMPLE).set;
    let named = |name: &str| {
        let text = set.files()[0].text.clone();
        RuleSet::parse(&[picket_rules::Source { name: name.to_owned(), text }]).unwrap().0.hash().to_owned()
    };
    assert_eq!(named("/etc/picket/rules/all.toml"), named("all.toml"));
    assert_ne!(named("other.toml"), named("all.toml"));
}

#[test]
fn a_contact_without_a_fence_waits_for_the_queue_until_its_longest_wait() {
    let applied = applied(EXAMPLE);
    let planned = applied.plan(&Facts { contact: contact("voice", "billing.question"), ..Facts::default() });
    assert_eq!(planned.plan.fence, None);
    assert_eq!(applied.names.text(Kind::Queue, planned.plan.queue.0), Some("billing"));
    let [step] = planned.plan.steps.as_slice() else { panic!("{:?}", planned.plan.steps) };
    assert_eq!((step.who, step.holds.busy), (Who::Queue, Hold::For(Millis::from_secs(900))));
    assert_eq!(planned.plan.finally.busy, ExitAction::Callback);
}

#[test]
fn all_matching_classify_rules_add_up_and_the_higher_level_wins() {
    let text = format!(
        "{EXAMPLE}\n[[classify]]\nwhen = 'contact.topic == \"fraud\"'\nurgency = \"high\"\nneeds = {{ french = 6 }}\n"
    );
    let applied = applied(&text);
    let mut fraud = contact("voice", "fraud");
    fraud.language = Some("fr".to_owned());
    let plan = applied.plan(&Facts { contact: fraud, ..Facts::default() }).plan;
    assert_eq!(plan.urgency, Urgency::Urgent);
    assert_eq!(plan.needs.iter().map(|need| need.level).collect::<Vec<_>>(), [Level(6)]);
}

#[test]
fn a_team_named_by_the_directory_wins_over_owns() {
    let applied = applied(EXAMPLE);
    let customer = CustomerFacts { team: Some("hopkins".to_owned()), ..valued("somebody-else") };
    let planned =
        applied.plan(&Facts { contact: contact("voice", "order"), customer: Some(customer), ..Facts::default() });
    assert_eq!(planned.team.as_deref(), Some("hopkins"));
    assert!(planned.plan.fence.is_some());
}

#[test]
fn a_valued_customer_without_a_team_gets_the_queue_and_an_alarm() {
    let applied = applied(EXAMPLE);
    let facts = Facts { contact: contact("voice", "order"), customer: Some(valued("nobody")), ..Facts::default() };
    let planned = applied.plan(&facts);
    assert_eq!(planned.plan.fence, None);
    assert_eq!(planned.alarms, [Alarm::FencedWithoutTeam]);
}

#[test]
fn what_the_directory_names_and_nobody_knows_raises_an_alarm() {
    let applied = applied(EXAMPLE);
    let customer =
        CustomerFacts { team: Some("gone".to_owned()), lead: Some("zoe".to_owned()), ..CustomerFacts::default() };
    let facts = Facts { contact: contact("fax", "weather"), customer: Some(customer), ..Facts::default() };
    let alarms = applied.plan(&facts).alarms;
    for alarm in [
        Alarm::UnknownTeam("gone".to_owned()),
        Alarm::UnknownLead("zoe".to_owned()),
        Alarm::UnknownChannel("fax".to_owned()),
        Alarm::UnknownTopic,
    ] {
        assert!(alarms.contains(&alarm), "{alarms:?}");
    }
}

#[test]
fn the_trace_names_the_winner_and_the_first_clause_that_failed() {
    let applied = applied(EXAMPLE);
    let facts = Facts { contact: contact("voice", "order"), customer: Some(valued("jhu")), ..Facts::default() };
    let trace = applied.plan(&facts).trace;
    let stage = |wanted| trace.stages.iter().find(|stage| stage.stage == wanted).unwrap();
    let fence = stage(RuleStage::Fence);
    assert_eq!(fence.winner(), Some(2));
    assert_eq!(fence.tried[0].failed, Some(0));
    let rule = applied.set.rule(RuleStage::Fence, 1).unwrap();
    assert_eq!(rule.clauses, ["contact.topic == \"fraud\""]);
    assert_eq!(stage(RuleStage::Queue).winner(), Some(3));
}

#[test]
fn thresholds_remember_so_that_nobody_flaps() {
    let applied = applied(EXAMPLE);
    let at = moment("2026-11-23T09:00:00Z");
    let value = |lifetime_value, was_valued| {
        let customer =
            CustomerFacts { lifetime_value: Some(lifetime_value), influence: Some(5), ..CustomerFacts::default() };
        applied.set.value(&Facts { customer: Some(customer), was_valued, ..Facts::default() }, at)
    };
    let mut valued = false;
    let mut changes = Vec::new();
    // Around the upper threshold, then around the lower one: 25 points by influence, the rest by lifetime value.
    for lifetime in [85_000, 87_500, 86_000, 88_000, 60_000, 50_000, 49_999, 52_000, 49_000, 47_499, 52_000, 86_000] {
        let now = value(lifetime, valued);
        if now.valued != valued {
            changes.push((lifetime, now.valued));
            valued = now.valued;
        }
    }
    assert_eq!(changes, [(87_500, true), (49_999, false)]);
}

#[test]
fn nobody_unknown_is_valued_and_an_account_alone_can_be() {
    let text =
        EXAMPLE.replace("[fence_policy.held]", "points.account = 'account.lifetime_value / 1000'\n[fence_policy.held]");
    let applied = applied(&text);
    let at = moment("2026-11-23T09:00:00Z");
    assert!(!applied.set.value(&Facts::default(), at).valued);
    let account = AccountFacts { lifetime_value: Some(100_000), ..AccountFacts::default() };
    let valued = applied.set.value(&Facts { account: Some(account), ..Facts::default() }, at);
    assert_eq!((valued.score, valued.valued), (100, true));
}

#[test]
fn working_time_is_counted_by_the_teams_own_calendar() {
    let applied = applied(EXAMPLE);
    let facts = Facts { contact: contact("email", "order"), customer: Some(valued("jhu")), ..Facts::default() };
    let plan = applied.plan(&facts).plan;
    let Hold::Working(span, CalendarId(calendar)) = plan.steps[0].holds.busy else { panic!("{plan:?}") };
    assert_eq!(span, Millis::from_secs(4 * 3600));
    assert_eq!(applied.names.text(Kind::Calendar, calendar), Some("shifts of hopkins"));
    assert_eq!(plan.longest, None);
}

#[test]
fn a_smart_hold_waits_for_somebody_busy_up_to_its_limit_and_while_it_is_worth_it() {
    let facts = Facts { contact: contact("voice", "order"), customer: Some(valued("jhu")), ..Facts::default() };
    let holds = |hold: &str| {
        let stated = EXAMPLE.lines().find(|line| line.contains("who = \"lead\"")).unwrap();
        let text = EXAMPLE.replacen(stated, &format!("  {{ who = \"lead\", {hold} }},"), 1);
        applied(&text).plan(&facts).plan.steps[0].holds
    };
    let seconds = |seconds| Hold::For(Millis::from_secs(seconds));
    let short = holds("hold = \"smart\"");
    assert_eq!(short.busy, Hold::Smart(Millis::from_secs(180), 400));
    assert_eq!((short.away, short.absent, short.left), (seconds(30), seconds(0), seconds(0)));
    let stated = holds("hold.live = { smart = \"62.5%\", busy = \"90s\", away = \"5s\" }");
    assert_eq!((stated.busy, stated.away), (Hold::Smart(Millis::from_secs(90), 625), seconds(5)));
}

#[test]
fn without_its_world_a_set_makes_no_plan() {
    let set = check(EXAMPLE).unwrap().0;
    let facts = Facts { contact: contact("voice", "order"), ..Facts::default() };
    let error = set.plan(&facts, &Names::default(), Timestamp(0), 1).unwrap_err();
    assert!(error.to_string().contains("no number for"), "{error}");
}

#[test]
fn the_world_numbers_things_in_the_order_of_the_files_and_names_nothing_before_it_is_there() {
    let set = check(EXAMPLE).unwrap().0;
    let (mut names, mut fresh) = (Names::default(), Vec::new());
    let world = set.world(&mut names, &mut fresh, moment("2026-11-23T09:00:00Z"));
    let agents: Vec<&Name> = fresh.iter().filter(|name| name.kind == Kind::Agent).collect();
    assert_eq!(agents.iter().map(|name| name.text.as_str()).collect::<Vec<_>>(), ["ann", "bola", "carys"]);
    let order = |change: &WorldChange| match change {
        WorldChange::PutCalendar(..) => 0,
        WorldChange::PutChannel(..) => 1,
        WorldChange::PutQueue(..) => 2,
        WorldChange::PutAgent(..) => 3,
        WorldChange::PutTeam(..) => 4,
        WorldChange::RemoveAgent(_) | WorldChange::RemoveTeam(_) => 5,
    };
    assert!(world.windows(2).all(|pair| order(&pair[0]) <= order(&pair[1])));
    let mut again = Vec::new();
    assert_eq!(set.world(&mut names, &mut again, moment("2026-11-23T09:00:00Z")), world);
    assert_eq!(again, []);
}

#[test]
fn lookups_answer_what_the_shell_asks() {
    let set = check(EXAMPLE).unwrap().0;
    assert_eq!(set.entry("+442079460000"), Some("emea"));
    assert_eq!(set.alias("ann", "pbx"), Some("1001"));
    assert_eq!(set.agent_by_alias("chat", "ann@example.org"), Some("ann"));
    assert_eq!(set.team_domain("hopkins"), Some("emea"));
    assert_eq!(set.promise("fraud").map(|level| level.share_permille), Some(950));
    let facts = Facts { contact: contact("voice", "order"), ..Facts::default() };
    assert!(set.role_answers("sales", &facts, Timestamp(0)) && !set.role_answers("none", &facts, Timestamp(0)));
}
