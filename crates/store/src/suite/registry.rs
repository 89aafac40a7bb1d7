//! Guards of what administrators change: realm, clients, resources, users, keys.

use std::time::Duration;

use grantwell_core::{
    client::Client,
    id::{ClientId, Realm, ResourceIdentifier, UserId},
    jose::Algorithm,
    resource::Resource,
    store::{
        Applied, KeyRecord, KeyUse, LoginName, Outcome, RealmRecord, References, Share, Store, User, Write,
    },
    time::Entropy,
};

use super::{
    fixtures::{self, EPOCH, NOTES, NOW},
    stage::Stage,
};
use crate::Engine;

const SECOND: Duration = Duration::from_secs(1);

fn put_client(client: &Client, was: Option<&Client>) -> Write {
    Write::PutClient { client: Box::new(client.clone()), was: was.cloned().map(Box::new) }
}

fn put_resource(resource: &Resource, was: Option<&Resource>) -> Write {
    Write::PutResource { resource: Box::new(resource.clone()), was: was.cloned().map(Box::new) }
}

fn put_user(user: &User, was: Option<&User>) -> Write {
    Write::PutUser { user: Box::new(user.clone()), was: was.cloned().map(Box::new) }
}

/// A realm is claimed once, moved from the issuer that it has, and its epoch is raised one by one.
pub async fn a_realm_is_claimed_once(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let store = stage.store();
    assert_eq!(store.realm(Realm(77)).await, Ok(None));
    assert_eq!(
        store.realm(stage.realm).await.unwrap().map(|r| (r.issuer, r.key_check, r.epoch)),
        Some((fixtures::realm().issuer, fixtures::realm().key_check, EPOCH))
    );
    let other = RealmRecord { issuer: "https://other.example".to_owned(), ..fixtures::realm() };
    stage.conflict(Write::ClaimRealm(other.clone())).await;
    let move_to = |from: &RealmRecord, to: &RealmRecord| Write::MoveRealm {
        from: from.issuer.clone(),
        to: to.issuer.clone(),
    };
    stage.conflict(move_to(&other, &other)).await;
    let generation = stage.generation().await;
    stage.done(move_to(&fixtures::realm(), &other)).await;
    assert!(stage.generation().await > generation);
    assert_eq!(store.realm(stage.realm).await.unwrap().map(|r| r.issuer), Some(other.issuer.clone()));
    stage.conflict(move_to(&fixtures::realm(), &other)).await;
    stage.conflict(Write::RaiseEpoch(EPOCH)).await;
    stage.conflict(Write::RaiseEpoch(EPOCH + 2)).await;
    stage.done(Write::RaiseEpoch(EPOCH + 1)).await;
    stage.conflict(Write::RaiseEpoch(EPOCH + 1)).await;
    assert_eq!(
        stage.authorization().await.epoch,
        EPOCH + 1,
        "what was issued before shows the present epoch"
    );
    assert_eq!(stage.authorization().await.authorization.epoch, EPOCH);
    let (session, user) = (stage.cast.session.id, stage.cast.user.id);
    let record = store.session(stage.realm, session).await.unwrap().unwrap();
    assert_eq!((record.session.epoch, record.epoch), (EPOCH, EPOCH + 1), "so does a session");
    assert!(store.sessions_of(stage.realm, user, NOW).await.unwrap().is_empty());
    stage.end().await;
}

/// A client is replaced only by who saw its present form.
pub async fn a_client_is_put_on_the_form_that_was_read(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let store = stage.store();
    let first = stage.cast.client.clone();
    let renamed = Client { client_name: None, applied: false, ..first.clone() };
    let unknown = fixtures::client("unknown");

    stage.conflict(put_client(&renamed, None)).await;
    stage.conflict(put_client(&renamed, Some(&renamed))).await;
    stage.conflict(put_client(&unknown, Some(&unknown))).await;
    stage.conflict(put_client(&unknown, Some(&first))).await;
    stage.conflict(Write::DeleteClient(unknown.client_id.clone())).await;

    let generation = stage.generation().await;
    stage.done(put_client(&renamed, Some(&first))).await;
    assert!(stage.generation().await > generation);
    assert_eq!(store.client(stage.realm, &first.client_id).await, Ok(Some(renamed.clone())));
    stage.conflict(put_client(&first, Some(&first))).await;

    let generation = stage.generation().await;
    stage.done(Write::DeleteClient(first.client_id.clone())).await;
    assert!(stage.generation().await > generation);
    assert_eq!(store.client(stage.realm, &first.client_id).await, Ok(None));
    let record = stage.authorization().await;
    assert!(record.client.is_none() && record.user.is_some() && record.session.is_some());
    let connections = store.connections_of(stage.realm, stage.cast.user.id).await.unwrap();
    assert!(connections.iter().all(|connection| connection.client.is_none()) && connections.len() == 1);
    stage.conflict(put_client(&renamed, Some(&renamed))).await;
    stage.conflict(Write::DeleteClient(first.client_id.clone())).await;
    stage.done(put_client(&first, None)).await;
    stage.end().await;
}

/// As for clients; and the scopes of a resource are found, and go with it.
pub async fn a_resource_is_put_with_its_scopes(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let notes = stage.cast.resource.clone();
    let mut files = fixtures::resource("https://files.example/");
    files.scopes = [("files:read".to_owned(), String::new())].into();
    files.applied = false;
    let find = async |identifiers: &[&str], scopes: &[&str]| {
        let identifiers = identifiers.iter().map(|id| ResourceIdentifier::from(*id)).collect::<Vec<_>>();
        let scopes = scopes.iter().copied().collect();
        let found = store.resources(realm, &identifiers, &scopes).await.unwrap();
        found.into_iter().map(|resource| resource.identifier.0).collect::<Vec<_>>()
    };
    let (notes_id, files_id) = (NOTES, "https://files.example/");

    stage.conflict(put_resource(&files, Some(&files))).await;
    stage.conflict(put_resource(&notes, None)).await;
    stage.conflict(Write::DeleteResource(files_id.into())).await;
    let generation = stage.generation().await;
    stage.done(put_resource(&files, None)).await;
    assert!(stage.generation().await > generation);

    assert_eq!(find(&[], &["openid"]).await, [""; 0]);
    assert_eq!(find(&[], &["notes:read", "notes:write"]).await, [notes_id]);
    assert_eq!(find(&[notes_id, "https://none.example/"], &[]).await, [notes_id]);
    assert_eq!(find(&[notes_id], &["files:read", "openid"]).await, [files_id, notes_id], "in order");

    let mut changed = notes.clone();
    changed.scopes.remove("notes:write");
    changed.scopes.insert("notes:share".to_owned(), String::new());
    stage.conflict(put_resource(&changed, Some(&changed))).await;
    stage.done(put_resource(&changed, Some(&notes))).await;
    assert_eq!(store.resource(realm, &notes.identifier).await, Ok(Some(changed.clone())));
    assert_eq!(find(&[], &["notes:write"]).await, [""; 0]);
    assert_eq!(find(&[], &["notes:share"]).await, [notes_id]);

    let generation = stage.generation().await;
    stage.done(Write::DeleteResource(notes.identifier.clone())).await;
    assert!(stage.generation().await > generation);
    assert_eq!(find(&[notes_id], &["notes:share", "notes:read"]).await, [""; 0]);
    stage.conflict(Write::DeleteResource(notes.identifier.clone())).await;

    // However many own a scope: what is named is there, and so are an owner of every scope and the only one of them all.
    let many =
        (0..70).map(|at| put_resource(&fixtures::resource(&format!("https://{at:02}.example/")), None));
    assert_eq!(stage.commit(many.collect()).await, Ok(Outcome::Done));
    let (first, second, last) = ("https://00.example/", "https://01.example/", "https://69.example/");
    assert_eq!(find(&[], &["notes:read"]).await, [first, second]);
    assert_eq!(find(&[last], &["notes:read"]).await, [first, second, last]);
    let mut only = fixtures::resource("https://only.example/");
    only.scopes.insert("only:read".to_owned(), String::new());
    stage.done(put_resource(&only, None)).await;
    assert_eq!(find(&[], &["notes:read", "only:read"]).await, [first, only.identifier.as_str()]);
    let all = ["notes:read", "notes:write", "only:read", "openid"];
    assert_eq!(find(&[], &all).await, [first, only.identifier.as_str()]);
    assert_eq!(find(&[], &["notes:read", "files:read"]).await, [first, files_id], "nobody owns both");
    stage.end().await;
}

/// L-29: a name that signs one person in never signs in another, user name or e-mail.
pub async fn l_29_a_login_name_is_one_persons(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let ada = stage.cast.user.clone();
    let bob = fixtures::user("bob", entropy);
    let named = |name: &str| User { username: name.to_owned(), ..bob.clone() };

    stage.conflict(put_user(&named("ada@example.com"), None)).await;
    stage.conflict(put_user(&named(" ＡＤＡ@example.com"), None)).await;
    stage.conflict(put_user(&named("Ada"), None)).await;
    stage.conflict(put_user(&User { email: Some("ADA".to_owned()), ..bob.clone() }, None)).await;
    stage.conflict(put_user(&User { id: ada.id, ..bob.clone() }, None)).await;
    stage.conflict(put_user(&bob, Some(&bob))).await;
    let generation = stage.generation().await;
    stage.done(put_user(&bob, None)).await;
    assert!(stage.generation().await > generation);

    let found = async |name: &str| {
        store.user_by_login(realm, &LoginName::new(name)).await.unwrap().map(|user| user.id)
    };
    assert_eq!(found("BOB").await, Some(bob.id));
    assert_eq!(found(" bob@EXAMPLE.com ").await, Some(bob.id));
    assert_eq!(found("carol").await, None);

    let taken = User { email: Some("ada@example.com".to_owned()), ..bob.clone() };
    stage.conflict(put_user(&taken, Some(&bob))).await;
    let moved = User { username: "robert".to_owned(), email: None, ..bob.clone() };
    stage.done(put_user(&moved, Some(&bob))).await;
    stage.conflict(put_user(&moved, Some(&bob))).await;
    assert_eq!(found("bob").await, None, "a name that was given up is free");
    assert_eq!(found("bob@example.com").await, None);
    assert_eq!(found("robert").await, Some(bob.id));
    assert!(store.user(realm, bob.id).await.unwrap() == Some(moved.clone()));
    assert!(store.user(realm, UserId::new(NOW, entropy)).await.unwrap().is_none());
    let both = User { email: Some("Robert".to_owned()), ..moved.clone() };
    stage.done(put_user(&both, Some(&moved))).await;
    assert_eq!(found("robert").await, Some(bob.id), "one name for both is one name");
    stage.end().await;
}

/// A hash is replaced only where it is the one that was verified; any other change of the user sees the new one.
pub async fn a_hash_is_replaced_where_it_was_verified(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let ada = stage.cast.user.clone();
    let from = ada.password_hash.clone().unwrap();
    let rehash =
        |user_id, from: &str, to: &str| Write::Rehash { user_id, from: from.to_owned(), to: to.to_owned() };
    stage.conflict(rehash(ada.id, "other", "new")).await;
    stage.conflict(rehash(UserId::new(NOW, entropy), &from, "new")).await;
    stage.done(rehash(ada.id, &from, "new")).await;
    stage.conflict(rehash(ada.id, &from, "new")).await;
    let now = User { password_hash: Some("new".to_owned()), ..ada.clone() };
    assert!(stage.store().user(stage.realm, ada.id).await.unwrap() == Some(now.clone()));
    let disabled = User { disabled: true, tokens_not_before: NOW, ..now.clone() };
    stage.conflict(put_user(&disabled, Some(&ada))).await;
    stage.done(put_user(&disabled, Some(&now))).await;
    let without = User { password_hash: None, ..disabled.clone() };
    stage.done(put_user(&without, Some(&disabled))).await;
    stage.conflict(rehash(ada.id, "new", "newer")).await;
    stage.conflict(put_user(&disabled, Some(&disabled))).await;
    stage.done(put_user(&disabled, Some(&without))).await;
    stage.end().await;
}

/// A deleted user leaves nothing alive: no session, no consent, no authorization, no name.
pub async fn deleting_a_user_ends_what_hangs_under_it(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm, cast) = (stage.store(), stage.realm, &stage.cast);
    let bob = fixtures::user("bob", entropy);
    let bobs = fixtures::session(bob.id, entropy);
    stage.done(put_user(&bob, None)).await;
    stage.done(Write::InsertSession(Box::new(bobs.clone()))).await;

    // An authorization under a consent that was withdrawn before is revoked like the others.
    let mut again = fixtures::authorization(&cast.consent, cast.session.id, entropy);
    again.offline = false;
    stage.done(Write::InsertAuthorization(Box::new(again.clone()))).await;
    stage.done(Write::WithdrawConsent { id: cast.consent.id, user_id: cast.user.id, at: NOW + SECOND }).await;
    let consent = fixtures::consent(cast.user.id, &cast.client, entropy);
    let live = fixtures::authorization(&consent, cast.session.id, entropy);
    stage.done(Write::InsertConsent(Box::new(consent.clone()))).await;
    stage.done(Write::InsertAuthorization(Box::new(live.clone()))).await;

    stage.conflict(Write::DeleteUser(UserId::new(NOW, entropy))).await;
    let generation = stage.generation().await;
    stage.done(Write::DeleteUser(cast.user.id)).await;
    assert!(stage.generation().await > generation);

    assert!(store.user(realm, cast.user.id).await.unwrap().is_none());
    assert!(store.user_by_login(realm, &LoginName::new("ada")).await.unwrap().is_none());
    assert!(store.session(realm, cast.session.id).await.unwrap().is_none());
    assert_eq!(store.sessions_of(realm, cast.user.id, NOW).await, Ok(Vec::new()));
    assert_eq!(store.consent(realm, cast.user.id, &cast.client.client_id).await, Ok(None));
    for id in [cast.authorization.id, again.id, live.id] {
        let record = store.authorization(realm, id).await.unwrap().unwrap();
        assert!(record.authorization.revoked_at.is_some());
        assert!(record.consent_withdrawn_at.is_some());
        assert!(record.user.is_none());
        assert!(record.session.unwrap().ended_at.is_some());
    }
    stage.conflict(Write::DeleteUser(cast.user.id)).await;
    // Nothing can be inserted under what ended.
    let late = fixtures::authorization(&consent, cast.session.id, entropy);
    stage.conflict(Write::InsertAuthorization(Box::new(late))).await;
    assert!(store.session(realm, bobs.id).await.unwrap().is_some(), "nobody else's session ends");
    stage.done(put_user(&User { id: UserId::new(NOW, entropy), ..cast.user.clone() }, None)).await;
    stage.end().await;
}

/// Several nodes that each make a key end up with one.
pub async fn one_key_of_a_use_at_a_time(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let es256 = KeyUse::Signing(Algorithm::ES256);
    let key = |kid: &str, usage, from| KeyRecord { active_from: from, ..fixtures::key(kid, usage) };
    let retire = |kid: &str, at| Write::RetireKey { kid: kid.into(), at };
    let end = NOW + SECOND * 100;

    stage.conflict(Write::InsertKey(key("k1", KeyUse::Realm, NOW))).await;
    stage.conflict(Write::InsertKey(key("k2", es256, end))).await;
    stage.done(Write::InsertKey(key("r1", KeyUse::Signing(Algorithm::RS256), NOW))).await;
    let generation = stage.generation().await;
    stage.done(Write::InsertKey(key("realm", KeyUse::Realm, NOW))).await;
    assert!(stage.generation().await > generation);
    stage.conflict(Write::InsertKey(key("realm2", KeyUse::Realm, NOW))).await;

    stage.conflict(retire("none", end)).await;
    let generation = stage.generation().await;
    stage.done(retire("k1", end)).await;
    assert!(stage.generation().await > generation);
    stage.conflict(retire("k1", end + SECOND)).await;
    let early = end - Duration::from_millis(1);
    stage.conflict(Write::InsertKey(key("k2", es256, early))).await;
    let second = KeyRecord { created_at: NOW + SECOND, ..key("k2", es256, end) };
    stage.done(Write::InsertKey(second.clone())).await;
    stage.conflict(Write::InsertKey(key("k3", es256, end))).await;

    let keys = store.keys(realm).await.unwrap();
    assert_eq!(keys.last().map(|key| key.kid.0.as_str()), Some("k2"), "oldest first");
    assert!(keys.contains(&second));
    assert!(keys.contains(&KeyRecord { retired_at: Some(end), ..stage.cast.key.clone() }));

    stage.conflict(Write::DeleteKey("none".into())).await;
    let generation = stage.generation().await;
    stage.done(Write::DeleteKey("k1".into())).await;
    assert!(stage.generation().await > generation);
    stage.conflict(Write::DeleteKey("k1".into())).await;
    stage.conflict(retire("k1", end)).await;
    stage.end().await;
}

/// `applied` lists what an `apply` made and nothing else, and follows every change.
pub async fn applied_lists_what_apply_made(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, cast) = (stage.store(), &stage.cast);
    let all = Applied {
        clients: vec![cast.client.client_id.clone()],
        resources: vec![cast.resource.identifier.clone()],
        users: vec![(cast.user.id, cast.user.username.clone())],
    };
    assert_eq!(store.applied(stage.realm).await.unwrap(), all);
    let by_hand = [
        put_client(&Client { applied: false, ..fixtures::client("by-hand") }, None),
        put_resource(&Resource { applied: false, ..fixtures::resource("https://by-hand/") }, None),
        put_user(&User { applied: false, ..fixtures::user("by-hand", entropy) }, None),
    ];
    assert_eq!(stage.commit(by_hand.into()).await, Ok(Outcome::Done));
    assert_eq!(store.applied(stage.realm).await.unwrap(), all);
    let no_longer = Client { applied: false, ..cast.client.clone() };
    stage.done(put_client(&no_longer, Some(&cast.client))).await;
    assert_eq!(store.applied(stage.realm).await.unwrap().clients, Vec::<ClientId>::new());
    stage.end().await;
}

/// What is no change of clients, users, resources or keys leaves the generation alone; nor does a conflict raise it.
pub async fn the_generation_tells_of_changes_only(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let before = stage.generation().await;
    stage.done(Write::RaiseEpoch(EPOCH + 1)).await;
    stage.done(Write::InsertSession(Box::new(fixtures::session(stage.cast.user.id, entropy)))).await;
    stage.conflict(put_client(&stage.cast.client, None)).await;
    assert_eq!(stage.generation().await, before);
    let twice = vec![put_client(&fixtures::client("one"), None), put_client(&fixtures::client("two"), None)];
    assert_eq!(stage.store().commit(stage.realm, Share::Rest, twice).await, Ok(Outcome::Done));
    assert!(stage.generation().await > before);
    stage.end().await;
}

/// The first gives its address up, the second takes it, the first takes the other's; all or nothing.
pub async fn two_people_swap_their_addresses_in_one_commit(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let ada = stage.cast.user.clone();
    let bob = fixtures::user("bob", entropy);
    stage.done(put_user(&bob, None)).await;
    let nameless = User { email: None, ..ada.clone() };
    let (new_ada, new_bob) =
        (User { email: bob.email.clone(), ..ada.clone() }, User { email: ada.email.clone(), ..bob.clone() });
    let at_once = vec![put_user(&new_ada, Some(&ada)), put_user(&new_bob, Some(&bob))];
    let taken = Outcome::Conflict(Box::new(put_user(&new_ada, Some(&ada))));
    assert_eq!(stage.commit(at_once).await, Ok(taken), "her new address is his still");
    let swap = vec![
        put_user(&nameless, Some(&ada)),
        put_user(&new_bob, Some(&bob)),
        put_user(&new_ada, Some(&nameless)),
    ];
    assert_eq!(stage.commit(swap).await, Ok(Outcome::Done));
    for (user, email) in [(&new_ada, &bob.email), (&new_bob, &ada.email)] {
        let name = LoginName::new(email.as_deref().unwrap());
        let found = stage.store().user_by_login(stage.realm, &name).await.unwrap();
        assert_eq!(found.as_ref(), Some(user));
    }
    stage.end().await;
}

/// Clients and resources name each other in their bodies, and no foreign key says so.
pub async fn references_tell_what_would_lead_nowhere(nodes: &[Engine], entropy: &dyn Entropy) {
    let stage = Stage::set(nodes, entropy).await;
    let (store, realm) = (stage.store(), stage.realm);
    let (api, other): (ResourceIdentifier, ResourceIdentifier) =
        ("https://api.example/".into(), "https://other.example/".into());
    let client =
        Client { default_resource: Some(api.clone()), applied: false, ..fixtures::client("defaulting") };
    let resource = Resource {
        introspection_clients: vec!["one".into(), "two".into()],
        applied: false,
        ..fixtures::resource("https://introspected.example/")
    };
    stage.done(put_client(&client, None)).await;
    stage.done(put_resource(&resource, None)).await;
    // What applies made says nothing, however much it is, and hides nothing.
    let applied = (0..150).flat_map(|n| {
        let client =
            Client { client_id: format!("applied-{n}").as_str().into(), applied: true, ..client.clone() };
        let identifier = format!("https://applied-{n}.example/").as_str().into();
        [
            put_client(&client, None),
            put_resource(&Resource { identifier, applied: true, ..resource.clone() }, None),
        ]
    });
    assert_eq!(stage.commit(applied.collect()).await, Ok(Outcome::Done));
    let found = store.references(realm, &["two".into(), "three".into()], &[other.clone(), api.clone()]).await;
    let expected = References {
        introspection_clients: vec![(resource.identifier.clone(), "two".into())],
        default_resources: vec![(client.client_id.clone(), api.clone())],
        is_cut: false,
    };
    assert_eq!(found, Ok(expected));
    assert_eq!(store.references(realm, &[], &[]).await, Ok(References::default()));
    let beside = store.references(stage.beside, &["two".into()], std::slice::from_ref(&api)).await;
    assert_eq!(beside, Ok(References::default()));

    // At most so many are reported, and whether there are more.
    let most = usize::try_from(References::MOST).unwrap();
    let asked = async || store.references(realm, &["two".into()], std::slice::from_ref(&api)).await.unwrap();
    let by_hand = |n: usize| Client { client_id: format!("{n}").as_str().into(), ..client.clone() };
    let more = (1..most).map(|n| put_client(&by_hand(n), None)).collect();
    assert_eq!(stage.commit(more).await, Ok(Outcome::Done));
    assert_eq!((asked().await.default_resources.len(), asked().await.is_cut), (most, false));
    stage.done(put_client(&by_hand(0), None)).await;
    assert_eq!((asked().await.default_resources.len(), asked().await.is_cut), (most, true));
    stage.end().await;
}
