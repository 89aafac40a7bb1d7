//! What a copy keeps, and what a restore ends.

use grantwell_core::{
    store::{Store as _, Write},
    time::{Entropy, Timestamp},
};

use super::{
    fixtures::{self, NOW},
    stage::{Stage, contents},
};
use crate::{
    OpenOptions,
    copy::{self, Occupied, Value},
    database, open,
};

/// A restore into the database `to`, of what the test fills `from` with: nothing that was handed out before is live, and what was seen
/// stays seen. Waits on the thread that calls.
pub async fn a_restore_ends_what_was_handed_out(from: &str, to: &str, entropy: &dyn Entropy) {
    let nodes = [open(from, OpenOptions::default()).await.unwrap()];
    let stage = Stage::set(&nodes, entropy).await;
    let given = fixtures::without_code(&stage.cast.consent, entropy);
    stage.done(Write::InsertAuthorization(Box::new(given))).await;
    let mut source = database::source(from).unwrap();
    let mut target = database::target(to, "", Occupied::Refuse).unwrap();
    copy::transfer(source.as_mut(), target.as_mut(), &mut |_, _| {}).unwrap();
    target.end_all(NOW).unwrap();
    target.commit().unwrap();
    let restored = open(to, OpenOptions::default()).await.unwrap();
    for realm in [stage.realm, stage.beside] {
        let before = contents(stage.store(), realm).await;
        let after = contents(&restored, realm).await;
        for ((table, was), (_, is)) in before.iter().zip(&after) {
            match *table {
                "interaction" | "ticket" | "key" => assert!(is.is_empty(), "{table}"),
                "realm" | "session" | "consent" => assert!(was != is && was.len() == is.len(), "{table}"),
                _ => assert!(was == is, "{table}"),
            }
        }
        let epoch = restored.realm(realm).await.unwrap().unwrap().epoch;
        assert!(i64::from(epoch) >= NOW.seconds() / 60, "{epoch}");
        let ended = Value::Int(Timestamp::millis(NOW));
        for table in ["session", "consent"] {
            let (_, rows) = after.iter().find(|(name, _)| *name == table).unwrap();
            assert!(rows.iter().all(|row| row.contains(&ended)), "{table}");
        }
    }
}
