//! `grantwell key`: the signing keys, for the person who looks after them.

use grantwell_core::{
    store::{KeyRecord, KeyUse, Store as _},
    time::{Clock as _, Timestamp},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use std::sync::Arc;

use crate::{
    ambient::{SystemClock, SystemEntropy},
    app::SERVED,
    cli::out::say,
    clocks,
    config::Configuration,
    start,
    start_error::StartError,
};

/// Prints one line a key.
pub(super) async fn list(config: &Configuration) -> Result<(), StartError> {
    let (store, _) =
        start::open(&config.database, &config.keys.master, &config.policy.issuer, Arc::new(SystemEntropy))
            .await?;
    for key in store.keys(SERVED).await.map_err(StartError::of)? {
        if let KeyUse::Signing(algorithm) = key.usage {
            let state = state(&key, SystemClock.now());
            say!("{:<6} {:<8} from {} {}", algorithm.as_str(), state, shown(key.active_from), key.kid);
        }
    }
    Ok(())
}

fn state(key: &KeyRecord, now: Timestamp) -> &'static str {
    match key.retired_at {
        Some(at) if at <= now => "retired",
        _ if key.active_from > now => "next",
        _ => "signs",
    }
}

pub(super) fn shown(at: Timestamp) -> String {
    OffsetDateTime::from_unix_timestamp(at.seconds())
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Makes the successors.
pub(super) async fn rotate(config: &Configuration) -> Result<(), StartError> {
    let (store, vault) =
        start::open(&config.database, &config.keys.master, &config.policy.issuer, Arc::new(SystemEntropy))
            .await?;
    clocks::check(&store, &SystemClock).await?;
    let made = vault.rotate(&store, SystemClock.now()).await.map_err(StartError::of)?;
    say!("{made} successors made: published now, signing in fifteen minutes");
    Ok(())
}
