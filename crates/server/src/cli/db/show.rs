//! What `grantwell db` prints, for people and as JSON.

use std::{path::Path, sync::Arc};

use grantwell_core::{store::Store as _, time::Timestamp};
use grantwell_store::{
    OpenOptions,
    copy::{CopyError, Inspection, Tally, Value},
    database,
};
use serde_json::{Value as Json, json};

use super::file::{Header, STREAM};
use crate::{
    ambient::SystemEntropy,
    app::SERVED,
    cli::{key::shown, out::say},
    config::Configuration,
    start,
    start_error::StartError,
};

/// Rows of one statement that a small machine rewrites in a second.
const ROWS_A_SECOND: u64 = 100_000;

/// Bytes that a small machine copies in a second.
const BYTES_A_SECOND: u64 = 50_000_000;

fn inspect(config: &Configuration) -> Result<Inspection, StartError> {
    database::inspect(&config.database).map_err(StartError::of)
}

fn rows(inspected: &Inspection) -> Json {
    inspected
        .rows
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), json!(rows)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// `grantwell db status`.
pub(super) async fn status(config: &Configuration, as_json: bool) -> Result<(), StartError> {
    let inspected = inspect(config)?;
    let realm = realm(config, &inspected)?;
    let wrong = match inspected.version {
        Some(version) if version == inspected.known => {
            // Only looked at: no realm is claimed and no key is made, also where a restore was interrupted.
            let store = grantwell_store::open(&config.database, OpenOptions::default()).await;
            Some(store.map_err(StartError::of)?.check().await.map_err(StartError::of)?)
        }
        _ => None,
    };
    let backed_up = inspected.backed_up.map(shown);
    if as_json {
        let all = json!({
            "engine": inspected.engine,
            "schema": { "found": inspected.version, "known": inspected.known },
            "realm": realm.as_ref().map(|_| SERVED.0),
            "issuer": realm.as_ref().map(|realm| &realm.issuer),
            "epoch": realm.as_ref().map(|realm| realm.epoch),
            "generation": realm.as_ref().map(|realm| realm.generation),
            "rows": rows(&inspected),
            "size": inspected.size,
            "backed_up_at": backed_up,
            "check": wrong,
        });
        say!("{all}");
        return damaged(wrong.as_deref().unwrap_or_default());
    }
    say!("engine       {}", inspected.engine);
    let Some(found) = inspected.version else {
        say!("schema       no database yet; the first start makes it with version {}", inspected.known);
        return Ok(());
    };
    say!("schema       version {found}, this release knows {}", inspected.known);
    if let Some(realm) = realm {
        say!("issuer       {}\nrealm        {}", realm.issuer, SERVED.0);
        say!("epoch        {}\ngeneration   {}", realm.epoch, realm.generation);
    }
    say!("size         {} bytes", inspected.size);
    say!("last backup  {}", backed_up.as_deref().unwrap_or("none is known"));
    match wrong.as_deref() {
        None => say!("check        not made: the schema is older (grantwell db plan)"),
        Some([]) => say!("check        nothing is wrong"),
        Some(wrong) => wrong.iter().for_each(|wrong| say!("check        {wrong}")),
    }
    for (table, rows) in &inspected.rows {
        say!("{table:<15} {rows:>12} rows");
    }
    damaged(wrong.as_deref().unwrap_or_default())
}

fn damaged(wrong: &[String]) -> Result<(), StartError> {
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(StartError(format!("the database is damaged: {}", wrong.join("; "))))
    }
}

/// What the main realm's row says, whatever the version of the schema.
struct RealmRow {
    issuer: String,
    epoch: i64,
    generation: i64,
}

fn realm(config: &Configuration, inspected: &Inspection) -> Result<Option<RealmRow>, StartError> {
    if inspected.version.is_none() {
        return Ok(None);
    }
    let read = || -> Result<Option<RealmRow>, CopyError> {
        let mut source = database::source(&config.database)?;
        let Some(shape) = source.shapes().into_iter().find(|shape| shape.table.name == "realm") else {
            return Ok(None);
        };
        let mut found = None;
        source.rows(&shape, &mut |row| {
            if let [Value::Int(realm), Value::Text(issuer), _, Value::Int(generation), Value::Int(epoch)] =
                row.as_slice()
                && *realm == i64::from(SERVED.0)
            {
                found = Some(RealmRow { issuer: issuer.clone(), epoch: *epoch, generation: *generation });
            }
            Ok(())
        })?;
        Ok(found)
    };
    read().map_err(StartError::of)
}

/// `grantwell db plan`.
pub(super) fn plan(config: &Configuration, as_json: bool) -> Result<(), StartError> {
    let inspected = inspect(config)?;
    let lock = inspected.lock;
    let kept = inspected.version.map(|version| database::kept_as(&config.database, version));
    let kept = kept.transpose().map_err(StartError::of)?.flatten().filter(|_| !inspected.pending.is_empty());
    // Adding a table or a column changes no row; only what rewrites rows, or makes an index, takes longer with more of them.
    let rewrite: u64 = inspected.pending.iter().map(|pending| pending.written).sum();
    let copying = if kept.is_some() { inspected.size / BYTES_A_SECOND } else { 0 };
    let seconds = 1 + rewrite / ROWS_A_SECOND + copying;
    if as_json {
        let steps = inspected.pending.iter().map(|pending| {
            json!({
                "version": pending.version,
                "name": pending.name,
                "statements": pending.statements,
                "rows": pending.rows,
            })
        });
        let all = json!({
            "schema": { "found": inspected.version, "known": inspected.known },
            "pending": steps.collect::<Vec<_>>(),
            "lock": lock,
            "seconds": if inspected.pending.is_empty() { 0 } else { seconds },
            "kept_as": kept,
        });
        say!("{all}");
        return Ok(());
    }
    if inspected.pending.is_empty() {
        say!("nothing to do: schema version {} is the present one", inspected.known);
        return Ok(());
    }
    match inspected.version {
        None => say!("there is no database yet: it would be made"),
        Some(version) => say!("schema version {version}; this release knows {}", inspected.known),
    }
    if let Some(kept) = kept {
        say!("first   a copy of the database as it is: {}", kept.display());
    }
    for pending in &inspected.pending {
        say!(
            "version {} ({}), {} rows in the tables it changes",
            pending.version,
            pending.name,
            pending.rows
        );
        for statement in &pending.statements {
            say!("        {}", statement.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    say!("lock    {lock}\ntime    about {seconds} s");
    Ok(())
}

async fn opened(config: &Configuration) -> Result<(grantwell_store::Engine, crate::keys::Vault), StartError> {
    start::open(&config.database, &config.keys.master, &config.policy.issuer, Arc::new(SystemEntropy)).await
}

/// `grantwell db verify` without a file.
pub(super) async fn verify(config: &Configuration, as_json: bool) -> Result<(), StartError> {
    let inspected = inspect(config)?;
    if inspected.version != Some(inspected.known) {
        return Err(StartError(
            "there is no database with the present schema to verify: see grantwell db status".to_owned(),
        ));
    }
    if realm(config, &inspected)?.is_none() {
        return Err(StartError(
            "there is nothing in the database yet: it was never served, or a restore was interrupted"
                .to_owned(),
        ));
    }
    let (store, vault) = opened(config).await?;
    let wrong = store.check().await.map_err(StartError::of)?;
    let keys = store.keys(SERVED).await.map_err(StartError::of)?;
    if !keys.is_empty() {
        vault.open(&keys).map_err(StartError::of)?;
    }
    damaged(&wrong)?;
    if as_json {
        say!("{}", json!({ "rows": rows(&inspected), "keys": keys.len(), "check": wrong }));
        return Ok(());
    }
    let all: u64 = inspected.rows.iter().map(|(_, rows)| rows).sum();
    say!("nothing is wrong: {all} rows, {} keys open under the master key", keys.len());
    Ok(())
}

/// `grantwell db verify FILE`.
pub(super) fn backup(file: &Path, header: &Header, tallies: &[(&'static str, Tally)], as_json: bool) {
    let rows: u64 = tallies.iter().map(|(_, tally)| tally.rows).sum();
    let made = shown(Timestamp::from_millis(header.created_at));
    let name = if file == Path::new(STREAM) { "the backup".to_owned() } else { file.display().to_string() };
    if as_json {
        let tables = tallies.iter().map(|(table, tally)| ((*table).to_owned(), json!(tally.rows)));
        let all = json!({
            "issuer": header.issuer,
            "schema": header.schema,
            "created_at": made,
            "release": header.release,
            "rows": tables.collect::<serde_json::Map<_, _>>(),
        });
        say!("{all}");
    } else {
        say!(
            "{name} is whole: {rows} rows of {} as of {made}, schema version {}",
            header.issuer,
            header.schema
        );
    }
}
