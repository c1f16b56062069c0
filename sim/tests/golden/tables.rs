//! Decides what each row of the exact tables says of which number; the tables stand beside the checkout.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A row: the scenario it is simulated by, and what has to come out.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) exact: Vec<Exact>,
    /// Offered load per agent, where nobody gives up.
    pub(crate) load: Option<f64>,
}

/// One number of a row.
#[derive(Debug)]
pub(crate) struct Exact {
    /// The class, or the group of agents.
    pub(crate) of: &'static str,
    pub(crate) figure: &'static str,
    pub(crate) value: f64,
}

type Fields = BTreeMap<String, String>;

/// The rows of a table; `None`, said loudly, where the tables are missing.
fn read(file: &str) -> Option<Vec<Fields>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file);
    let Ok(mut reader) = csv::Reader::from_path(&path) else {
        eprintln!("SKIPPED: {} is missing, nothing is compared with it", path.display());
        return None;
    };
    Some(reader.deserialize().map(|row| row.expect("a row")).collect())
}

fn number(row: &Fields, column: &str) -> f64 {
    let text = row.get(column).unwrap_or_else(|| panic!("no column {column}"));
    text.parse().unwrap_or_else(|_| panic!("{column}: {text} is no number"))
}

/// Every row: its table, and the name of its scenario.
pub(crate) fn all() -> Option<Vec<(&'static str, String)>> {
    let erlang = read("erlang_golden.csv")?.into_iter().map(|row| ("erlang", row["id"].clone()));
    let patience = read("mmn_general_patience_golden.csv")?.into_iter().map(|row| ("patience", patience_name(&row)));
    let router = read("router_golden.csv")?.into_iter().map(|row| ("router", router_name(&row)));
    Some(erlang.chain(patience).chain(router).collect())
}

/// M/M/n and M/M/n+M.
pub(crate) fn erlang(name: &str) -> Option<Row> {
    let row = read("erlang_golden.csv")?.into_iter().find(|row| row["id"] == name).expect("the row");
    let columns = [
        ("p_wait", "p_wait"),
        ("ew_all_s", "mean_wait_s"),
        ("asa_answered_s", "mean_wait_answered_s"),
        ("p_abandon", "abandoned"),
        ("p_abandon", "abandoned_expected"),
        ("mean_queue", "mean_queue"),
        ("sl20_of_offered", "within_20s_of_offered"),
        ("sl20_of_answered", "within_20s_of_answered"),
        ("sl60_of_offered", "within_1m_of_offered"),
    ];
    let mut exact: Vec<Exact> =
        columns.map(|(column, figure)| Exact { of: "general", figure, value: number(&row, column) }).into();
    exact.push(Exact { of: "agents", figure: "occupancy", value: number(&row, "occupancy") });
    let patient = row["patience_s"].is_empty();
    if !patient {
        let value = number(&row, "sl20_virtual");
        exact.push(Exact { of: "general", figure: "within_20s_virtual", value });
    }
    Some(Row { name: name.to_owned(), exact, load: patient.then(|| number(&row, "rho")) })
}

fn patience_name(row: &Fields) -> String {
    let name = match row["patience_dist"].as_str() {
        "M mean1" => "whitt_m_1",
        "E2 mean1" => "whitt_e2_1",
        "LN(1,1)" => "whitt_ln_1_1",
        "M mean4" => "whitt_m_4",
        "LN(4,4)" => "whitt_ln_4_4",
        "LN(4,.25)" => "whitt_ln_4_025",
        other => panic!("{other} has no scenario"),
    };
    name.to_owned()
}

/// M/M/n+G; its unit of time is a mean handling, 200 s in the scenarios.
pub(crate) fn patience(name: &str) -> Option<Row> {
    let rows = read("mmn_general_patience_golden.csv")?;
    let row = rows.into_iter().find(|row| patience_name(row) == name).expect("the row");
    let columns = [
        ("p_nowait", "p_no_wait", 1.0),
        ("p_abandon", "abandoned", 1.0),
        ("mean_queue", "mean_queue", 1.0),
        ("ew_served", "mean_wait_answered_s", 200.0),
        ("ew_abandoned", "mean_wait_abandoned_s", 200.0),
        ("p_w_le_0.1_served", "within_20s_of_answered", 1.0),
        ("p_w_le_0.2_served", "within_40s_of_answered", 1.0),
    ];
    let exact =
        columns.map(|(column, figure, unit)| Exact { of: "general", figure, value: number(&row, column) * unit });
    Some(Row { name: name.to_owned(), exact: exact.into(), load: None })
}

fn parameters(row: &Fields) -> BTreeMap<&str, &str> {
    row["params"].split(';').filter_map(|pair| pair.split_once('=')).collect()
}

fn router_name(row: &Fields) -> String {
    let (family, given) = (&row["family"], parameters(row));
    match family.as_str() {
        "cutoff_priority" => format!("{family}_k{}", given["k"]),
        "fence_N_share" | "fence_X_soft_share" => format!("{family}_k{}", given["reserve_k"]),
        "chat_least_loaded" => format!("{family}_{}", given["agents"]),
        _ => family.clone(),
    }
}

/// Two classes, a fence, a reserve; and concurrent chats.
pub(crate) fn router(name: &str) -> Option<Row> {
    let row = read("router_golden.csv")?.into_iter().find(|row| router_name(row) == name).expect("the row");
    let columns = [
        ("p_wait_1", "valued", "p_wait"),
        ("ew_1_s", "valued", "mean_wait_s"),
        ("p_ab_1", "valued", "abandoned"),
        ("p_ab_1", "valued", "abandoned_expected"),
        ("p_wait_2", "general", "p_wait"),
        ("ew_2_s", "general", "mean_wait_s"),
        ("p_ab_2", "general", "abandoned"),
        ("p_ab_2", "general", "abandoned_expected"),
        ("team_share_1", "valued", "served_by_own_and_team"),
        ("occ_team", "team", "occupancy"),
        ("occ_pool", "pool", "occupancy"),
        ("occ_all", "everybody", "occupancy"),
    ];
    let stated = columns.into_iter().filter(|(column, _, _)| !row[*column].is_empty());
    let mut exact: Vec<Exact> =
        stated.map(|(column, of, figure)| Exact { of, figure, value: number(&row, column) }).collect();
    if row["family"] == "chat_least_loaded" {
        // The table has the mean time in service in the column of the general wait.
        exact.retain(|exact| exact.of != "general");
        exact.push(Exact { of: "valued", figure: "mean_handling_s", value: number(&row, "ew_2_s") });
    }
    Some(Row { name: name.to_owned(), exact, load: None })
}
