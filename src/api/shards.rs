//! Decides what is shown of shards, and which of several a request is about.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::Query;
use super::refusal::Refusal;
use super::{Api, names};
use crate::shard::{ShardHandle, ShardState};

/// A shard as the API knows it.
#[derive(Clone, Debug)]
pub struct Shard {
    /// Its name.
    pub name: String,
    /// The domains that it routes.
    pub domains: Vec<String>,
    /// The hold on it.
    pub handle: ShardHandle,
}

/// `?shard=`: one of several.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Which {
    shard: Option<String>,
}

/// `GET /v1/shards`: every shard of this daemon.
pub(super) async fn list(State(api): State<Api>) -> Json<Value> {
    Json(json!({ "shards": api.0.shards.iter().map(shown).collect::<Vec<_>>() }))
}

fn shown(shard: &Shard) -> Value {
    let health = shard.handle.health();
    let model = shard.handle.model();
    let state = match (health.active, health.standby) {
        (true, _) => "owner",
        (false, true) => "standby",
        (false, false) => "starting",
    };
    // Who stands by is not in trouble.
    let trouble = if health.standby { None } else { health.trouble() };
    json!({
        "shard": shard.name,
        "domains": shard.domains,
        "state": state,
        "owner": health.owner.as_ref().map(|owner| &owner.name),
        "since": health.owner.as_ref().map(|owner| names::time(owner.since)),
        "token": health.owner.as_ref().and_then(|owner| owner.token.as_ref()),
        "record": model.head.seq,
        "time": (model.head.seq > 0).then(|| names::time(model.time)),
        "outputs": model.outputs,
        "forwarding": model.forwarding(),
        "catching_up": model.router.catching_up().map(names::time),
        "trouble": trouble,
    })
}

impl Api {
    /// The shards a request is about: the one it names, or all.
    pub(super) fn chosen(&self, named: Option<&str>) -> Result<&[Shard], Refusal> {
        let Some(name) = named else { return Ok(&self.0.shards) };
        let known = self.0.shards.iter().position(|shard| shard.name == name);
        let place = known.ok_or_else(|| {
            Refusal::unknown("unknown_shard", format!("there is no shard {name}; there are {}", self.shard_names()))
        })?;
        Ok(&self.0.shards[place..=place])
    }

    /// The one shard a request is about. What is numbered in each shard by itself cannot be asked of several at once.
    pub(super) fn one_shard(&self, named: Option<&str>) -> Result<&Shard, Refusal> {
        match self.chosen(named)? {
            [shard] => Ok(shard),
            _ => Err(Refusal::bad_request(
                "which_shard",
                format!("there are several shards; add ?shard= one of {}", self.shard_names()),
            )),
        }
    }

    /// Everything of one kind in the shards asked for, each with its shard.
    pub(super) fn all_of(
        &self,
        Query(Which { shard }): Query<Which>,
        kind: &str,
        show: impl Fn(&ShardState) -> Vec<Value>,
    ) -> Result<Json<Value>, Refusal> {
        let mut all = Vec::new();
        for shard in self.chosen(shard.as_deref())? {
            all.extend(show(&shard.handle.model()).into_iter().map(|one| of_shard(one, &shard.name)));
        }
        Ok(Json(json!({ kind: all })))
    }

    /// The one thing that a search finds in the shards asked for.
    pub(super) fn one_of(
        &self,
        Query(Which { shard }): Query<Which>,
        unknown: Refusal,
        find: impl Fn(&ShardState) -> Option<Value>,
    ) -> Result<Json<Value>, Refusal> {
        let shards = self.chosen(shard.as_deref())?;
        only(shards.iter().filter_map(|shard| Some((shard, find(&shard.handle.model())?))), unknown)
    }

    fn shard_names(&self) -> String {
        self.0.shards.iter().map(|shard| shard.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The one thing found, with its shard; a refusal where there is none, or one in several shards.
pub(super) fn only<'a>(
    mut found: impl Iterator<Item = (&'a Shard, Value)>,
    unknown: Refusal,
) -> Result<Json<Value>, Refusal> {
    let Some((shard, one)) = found.next() else { return Err(unknown) };
    if let Some((other, _)) = found.next() {
        let detail = format!("more than one shard has it; add ?shard= {} or {}", shard.name, other.name);
        return Err(Refusal::new(StatusCode::CONFLICT, "ambiguous_shard", detail));
    }
    Ok(Json(of_shard(one, &shard.name)))
}

/// With the shard that it is of.
pub(super) fn of_shard(mut one: Value, shard: &str) -> Value {
    if let Value::Object(members) = &mut one {
        members.insert("shard".to_owned(), json!(shard));
    }
    one
}
