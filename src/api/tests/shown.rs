//! Stories of what is shown of contacts, agents, teams and queues.

use picket_core::{ContactId, SourceId};
use serde_json::json;

use super::*;

/// Ann is offered the PBX's c1; the chat's c1 waits behind it.
fn furnished() -> Bench {
    let bench = Bench::new();
    let mut state = bench.side.model.write().unwrap();
    place::furnish(&mut state);
    place::receive(&mut state, ContactId(0), SourceId(0));
    place::receive(&mut state, ContactId(1), SourceId(1));
    drop(state);
    bench
}

#[tokio::test]
async fn a_contact_is_shown_with_its_plan_its_fence_and_what_is_out() {
    let (status, contact) = furnished().get("/v1/contacts/c1?source=pbx").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(contact["state"], "offered");
    assert_eq!(contact["since"], "2026-11-23T09:00:00.000Z");
    assert_eq!((&contact["fence"]["team"], &contact["fence"]["state"]), (&json!("hopkins"), &json!("closed")));
    let offer = &contact["offers"][0];
    assert_eq!((&offer["agent"], &offer["standing"]), (&json!("ann"), &json!("lead")));
    assert_eq!((&offer["offer"], &offer["expires_at"]), (&json!("o-1"), &json!("2026-11-23T09:00:20.000Z")));
    let plan = &contact["plan"];
    assert_eq!(plan["steps"][0]["who"], "lead");
    assert_eq!(plan["steps"][0]["hold_ms"]["busy"], 30_000);
    assert_eq!((&plan["needs"], &plan["finally"]["busy"]), (&json!({"french": 4}), &json!("open")));
    assert_eq!((&plan["queue"], &plan["promise"]["within_ms"]), (&json!("general"), &json!(20_000)));
}

#[tokio::test]
async fn a_contact_that_two_platforms_know_must_be_told_apart() {
    let bench = furnished();
    let (status, body) = bench.get("/v1/contacts/c1").await;
    assert_eq!((status, &body["code"]), (StatusCode::CONFLICT, &json!("ambiguous_contact")));
    assert!(body["detail"].as_str().unwrap().ends_with("one of pbx, chat"), "{body}");
    let (status, body) = bench.get("/v1/contacts/c9").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("unknown_contact")));
    assert_eq!(bench.get("/v1/contacts/c1?source=mail").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn contacts_come_in_pages_and_by_state() {
    let bench = furnished();
    place::receive(&mut bench.side.model.write().unwrap(), ContactId(2), SourceId(0));
    let ids = |body: &Value| -> Vec<String> {
        let contacts = body["contacts"].as_array().unwrap();
        contacts.iter().map(|one| format!("{} {}", one["source"], one["contact"]).replace('"', "")).collect()
    };
    let (_, waiting) = bench.get("/v1/contacts?state=waiting").await;
    assert_eq!(ids(&waiting), ["chat c1", "pbx c2"]);
    let (_, first) = bench.get("/v1/contacts?limit=2").await;
    assert_eq!(ids(&first), ["pbx c1", "chat c1"]);
    let (_, second) = bench.get(&format!("/v1/contacts?limit=2&after={}", first["next"])).await;
    assert_eq!((ids(&second), &second["next"]), (vec!["pbx c2".to_owned()], &Value::Null));
    let (_, of_chat) = bench.get("/v1/contacts?source=chat&queue=general&team=hopkins").await;
    assert_eq!(ids(&of_chat), ["chat c1"]);
    let (status, body) = bench.get("/v1/contacts?state=sleeping").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("unknown_state")));
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_refused_in_the_same_form() {
    let bench = furnished();
    let (status, body) = bench.get("/v1/contacts?limit=abc").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("bad_query")), "{body}");
    let (status, body) = bench.get("/v1/contacts?sources=chat").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("bad_query")), "{body}");
    let (status, body) = bench.get("/v1/contacts/%ff").await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("bad_path")), "{body}");
}

#[tokio::test]
async fn agents_teams_and_queues_are_shown_by_name() {
    let bench = furnished();
    let (_, ann) = bench.get("/v1/agents/ann").await;
    assert_eq!(ann["channels"]["voice"]["state"], "ready");
    assert_eq!(ann["channels"]["voice"]["by"], json!({"source": "pbx"}));
    assert_eq!(ann["skills"], json!({"french": 6}));
    assert_eq!((&ann["points"]["in_use"], &ann["offers"][0]["contact"]), (&json!(100), &json!("c1")));
    let (_, agents) = bench.get("/v1/agents").await;
    assert_eq!(agents["agents"][1]["channels"]["voice"]["state"], "offline");
    let (_, team) = bench.get("/v1/teams/hopkins").await;
    assert_eq!((&team["members"][0]["agent"], &team["reserve"]["effective"]), (&json!("ann"), &json!(1)));
    assert_eq!((&team["lends_to"], &team["waiting"]), (&json!(["general"]), &json!(2)));
    let (_, queue) = bench.get("/v1/queues/general").await;
    assert_eq!((&queue["order"], &queue["staff"]), (&json!("promise"), &json!(2)));
    for (path, code) in [("agents", "unknown_agent"), ("teams", "unknown_team"), ("queues", "unknown_queue")] {
        let (status, body) = bench.get(&format!("/v1/{path}/none")).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!(code)));
    }
}

#[tokio::test]
async fn metrics_count_what_is_there() {
    let bench = furnished();
    let response = bench.ask(get("/metrics")).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    for line in [
        "picket_contacts{shard=\"main\",state=\"offered\"} 1",
        "picket_agents{shard=\"main\",state=\"ready\"} 1",
        "picket_agents{shard=\"main\",state=\"offline\"} 1",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_with_a_code() {
    let bench = Bench::with(&[("PICKET_CLOCK__KIND", "driven")]);
    let (status, body) = bench.get("/v2").await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let (status, body) = read(bench.ask(Request::put("/v1/agents").body(Body::empty()).unwrap()).await).await;
    assert_eq!((status, &body["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
    let (_, index) = bench.get("/").await;
    assert_eq!((&index["name"], &index["clock"]), (&json!("picket"), &json!("driven")));
}

#[tokio::test]
async fn dead_letters_are_seen_sent_again_and_dropped() {
    let bench = Bench::new();
    for id in ["d1", "d2"] {
        let letter = DeadLetter {
            id: id.into(),
            code: "invalid_json".into(),
            detail: "not JSON".into(),
            at: place::NINE.0,
            shard: "main".into(),
            exchange: String::new(),
            routing_key: "emea.contact.received".into(),
            user: None,
            content_type: "application/json".into(),
            headers: vec![("ce-id".into(), "e1".into())],
            body: b"{".to_vec(),
        };
        bench.api.0.dead.put(letter).await.unwrap();
    }
    let (_, listed) = bench.get("/v1/dead").await;
    assert_eq!(listed["dead"][0]["id"], "d1");
    assert_eq!(listed["dead"][0].get("body"), None, "bodies may hold personal data and are shown one by one");
    let (_, one) = bench.get("/v1/dead/d1").await;
    assert_eq!((&one["body"], &one["headers"]["ce-id"]), (&json!("{"), &json!("e1")));
    let replay = || Request::post("/v1/dead/d1/replay").body(Body::empty()).unwrap();
    assert_eq!(read(bench.ask(replay()).await).await, (StatusCode::OK, json!({"id": "d1", "result": "replayed"})));
    let drop_it = || Request::delete("/v1/dead/d2").body(Body::empty()).unwrap();
    assert_eq!(bench.ask(drop_it()).await.status(), StatusCode::OK);
    for again in [replay(), drop_it()] {
        let (status, body) = read(bench.ask(again).await).await;
        assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("unknown_dead_letter")));
    }
}

#[tokio::test]
async fn why_a_contact_waits_is_told_by_name_with_the_check_that_each_fails() {
    let bench = furnished();
    let (status, why) = bench.get("/v1/contacts/c1/why?source=chat").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&why["waits_for"]["what"], &why["state"]), (&json!("somebody_free"), &json!("waiting")));
    assert_eq!(why["waits_for"]["until"], "2026-11-23T09:00:30.000Z");
    assert_eq!((&why["steps"][0]["state"], &why["steps"][1]["state"]), (&json!("now"), &json!("to_come")));
    let candidate = |rank: usize| {
        let candidate = &why["candidates"][rank];
        (candidate["agent"].clone(), candidate["check"].clone(), candidate["standing"].clone())
    };
    assert_eq!(candidate(0), (json!("ann"), json!("busy"), json!("lead")));
    assert_eq!(candidate(1), (json!("bola"), json!("not_yet"), json!("team")));
    let ann = &why["candidates"][0];
    assert_eq!((&ann["slots_in_use"], &ann["slots"]), (&json!(1), &json!(1)));
    assert_eq!(why["expected"]["any"], Value::Null, "nobody left a line yet");
    let (_, offered) = bench.get("/v1/contacts/c1/why?source=pbx").await;
    assert_eq!(
        (&offered["waits_for"]["what"], &offered["candidates"][0]["check"]),
        (&json!("an_answer"), &json!("asked"))
    );
    assert_eq!(offered["expected"]["own"]["wait_ms"], 0);
    assert_eq!(bench.get("/v1/contacts/c9/why").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_contact_and_its_queue_say_how_long_it_is_expected_to_wait() {
    let bench = furnished();
    let (_, offered) = bench.get("/v1/contacts/c1?source=pbx").await;
    assert_eq!((&offered["estimate_own"]["wait_ms"], &offered["estimate_any"]["band_ms"]), (&json!(0), &json!(0)));
    let (_, waiting) = bench.get("/v1/contacts/c1?source=chat").await;
    assert_eq!(waiting["estimate_own"], Value::Null);
    let (_, queue) = bench.get("/v1/queues/general").await;
    assert_eq!(queue["estimates"], json!([]));
}
