use super::{
    super::tests::{kinds, registrar},
    *,
};
use crate::fixtures as fx;

/// The set that the tests start from: an API that introspects with `api`, a client that asks for it, two users.
fn declaration() -> Declaration {
    let client = Client { default_resource: Some(fx::API.into()), applied: true, ..fx::client() };
    let api = Client { client_id: "api".into(), default_resource: None, ..client.clone() };
    Declaration {
        resources: vec![Resource { applied: true, ..fx::resource() }],
        clients: vec![client, api],
        users: vec![user(2, "ada", "ada"), user(3, "bob", "bob")],
    }
}

fn user(id: u8, username: &str, email: &str) -> User {
    User {
        id: UserId::from_bytes([id; 16]),
        username: username.to_owned(),
        email: Some(format!("{email}@example.test")),
        applied: true,
        ..fx::user()
    }
}

/// What there is once the set is registered, long ago.
fn registered(declared: &Declaration) -> (Existing, Pruning) {
    let mut existing = Existing::default();
    let mut applied = Applied::default();
    for resource in &declared.resources {
        applied.resources.push(resource.identifier.clone());
        existing.resources.insert(resource.identifier.clone(), resource.clone());
    }
    for client in &declared.clients {
        applied.clients.push(client.client_id.clone());
        existing.clients.insert(client.client_id.clone(), client.clone());
    }
    for user in &declared.users {
        applied.users.push((user.id, user.username.clone()));
        existing.users.extend(user.login_names().into_iter().map(|name| (name, user.clone())));
    }
    (existing, Pruning { applied, references: References::default() })
}

fn lines(plan: &RegistryPlan) -> Vec<String> {
    let line = |change: &PlannedChange| {
        let fields = change.fields.join(",");
        format!("{} {} {fields}", change.action.as_str(), change.object.name()).trim_end().to_owned()
    };
    plan.changes.iter().map(line).collect()
}

fn field(object: DeclaredObject, field: &str, violation: Violation) -> SetError {
    SetError::Field(object, FieldError::new(field, violation))
}

#[test]
fn what_is_registered_already_stays_as_it_is() {
    let declared = declaration();
    let first = plan(&declared, &Existing::default(), None, &registrar()).unwrap();
    assert_eq!(
        lines(&first),
        ["create https://api.example/", "create web", "create api", "create ada", "create bob"]
    );
    assert_eq!(
        kinds(&first.writes),
        ["resource.created", "client.created", "client.created", "user.created", "user.created"]
    );
    assert_eq!(first.writes.len(), 10, "each object with its audit event");
    let (existing, pruning) = registered(&declared);
    for pruning in [None, Some(&pruning)] {
        let second = plan(&declared, &existing, pruning, &registrar()).unwrap();
        assert!(lines(&second).iter().all(|line| line.starts_with("leave ")), "{second:?}");
        assert!(second.writes.is_empty());
    }
}

#[test]
fn only_what_changes_is_written() {
    let (mut declared, existing) = (declaration(), registered(&declaration()).0);
    declared.clients[0].redirect_uris = vec!["https://rp.example/new".to_owned()];
    let plan = plan(&declared, &existing, None, &registrar()).unwrap();
    assert_eq!(lines(&plan)[1], "change web redirect_uris");
    assert_eq!((plan.writes.len(), kinds(&plan.writes)), (2, vec!["client.changed"]));
}

#[test]
fn names_are_given_once() {
    let mut declared = declaration();
    declared.resources.push(declared.resources[0].clone());
    declared.clients.push(declared.clients[0].clone());
    declared.users.push(user(4, "ADA", "third"));
    declared.users.push(user(5, "fourth", "Bob"));
    declared.users.push(User { email: Some("FIFTH@x".to_owned()), ..user(6, "fifth@x", "") });
    let errors = plan(&declared, &Existing::default(), None, &registrar()).unwrap_err();
    assert_eq!(
        errors,
        [
            field(DeclaredObject::Resource(1), "identifier", Violation::GivenTwice),
            field(DeclaredObject::Client(2), "client_id", Violation::GivenTwice),
            field(DeclaredObject::User(2), "username", Violation::GivenTwice),
            field(DeclaredObject::User(3), "email", Violation::GivenTwice),
        ]
    );
}

#[test]
fn a_set_spells_a_resource_in_one_way() {
    let twin =
        || Resource { identifier: "https://api.example:443".into(), ..declaration().resources[0].clone() };
    let mut declared = declaration();
    declared.resources.push(twin());
    let other = |at| field(DeclaredObject::Resource(at), "identifier", Violation::OtherSpelling);
    let ids = declared.resources.iter().map(|resource| &resource.identifier);
    assert_eq!(duplicates(ids, [], []), [other(1)]);
    assert!(plan(&declared, &Existing::default(), None, &registrar()).unwrap_err().contains(&other(1)));

    // Renamed: the old spelling has to go in the same run, and clients name the new one.
    let (existing, pruning) = registered(&declaration());
    let renamed = Declaration { resources: vec![twin()], ..declaration() };
    assert_eq!(plan(&renamed, &existing, None, &registrar()).unwrap_err(), [other(0)]);
    let plan = plan(&renamed, &existing, Some(&pruning), &registrar()).unwrap();
    let default = plan.writes.iter().find_map(|write| match write {
        Write::PutClient { client, .. } => client.default_resource.clone(),
        _ => None,
    });
    assert_eq!(default, Some(twin().identifier));
}

#[test]
fn what_an_object_names_is_there_when_the_plan_is_done() {
    let (existing, pruning) = registered(&declaration());
    let alone = Declaration { resources: Vec::new(), ..declaration() };
    let missing = field(DeclaredObject::Client(0), "default_resource", Violation::NoSuchResource);
    let with = registrar();
    assert_eq!(plan(&alone, &Existing::default(), None, &with).unwrap_err(), std::slice::from_ref(&missing));
    assert!(plan(&alone, &existing, None, &with).is_ok(), "it is registered");
    assert_eq!(
        plan(&alone, &existing, Some(&pruning), &with).unwrap_err(),
        [missing],
        "it goes in the same run"
    );
    let alone = Declaration { clients: Vec::new(), ..declaration() };
    assert!(plan(&alone, &existing, None, &with).is_ok());
    let errors = plan(&alone, &existing, Some(&pruning), &with).unwrap_err();
    assert!(
        matches!(
            &errors[..],
            [SetError::Field(
                DeclaredObject::Resource(0),
                FieldError { violation: Violation::NoSuchClient, .. }
            )]
        ),
        "{errors:?}"
    );
}

#[test]
fn pruning_takes_only_what_a_set_made() {
    let (mut existing, pruning) = registered(&declaration());
    existing.clients.insert("by-hand".into(), Client { client_id: "by-hand".into(), ..fx::client() });
    let none = Declaration::default();
    assert!(plan(&none, &existing, None, &registrar()).unwrap().changes.is_empty());
    let plan = plan(&none, &existing, Some(&pruning), &registrar()).unwrap();
    assert_eq!(
        lines(&plan),
        ["remove api", "remove web", "remove https://api.example/", "remove ada", "remove bob"]
    );
}

#[test]
fn what_stays_names_nothing_that_goes() {
    let (existing, mut pruning) = registered(&declaration());
    let (api, web) = (ResourceIdentifier::from(fx::API), ClientId::from("web"));
    let refuses = |declared: &Declaration, pruning: &Pruning| {
        plan(declared, &existing, Some(pruning), &registrar()).err().unwrap_or_default()
    };
    pruning.references = References {
        introspection_clients: vec![(api.clone(), web.clone())],
        default_resources: vec![(web.clone(), api.clone())],
        is_cut: false,
    };
    assert_eq!(refuses(&Declaration::default(), &pruning), [], "they go together");
    pruning.references.is_cut = true;
    assert_eq!(refuses(&Declaration::default(), &pruning), [SetError::TooManyReferences]);
    pruning.references = References {
        introspection_clients: vec![("https://by-hand.example/".into(), web.clone())],
        default_resources: vec![("by-hand".into(), api.clone())],
        is_cut: false,
    };
    let client = InUse::IntrospectionClient { client: web, resource: "https://by-hand.example/".into() };
    let resource = InUse::DefaultResource { resource: api, client: "by-hand".into() };
    assert_eq!(
        refuses(&Declaration::default(), &pruning),
        [SetError::InUse(client), SetError::InUse(resource)]
    );
    // Both are in the set, and as the set has them they name nothing that goes.
    let declared = Declaration {
        resources: vec![Resource {
            identifier: "https://by-hand.example/".into(),
            introspection_clients: Vec::new(),
            ..fx::resource()
        }],
        clients: vec![Client { client_id: "by-hand".into(), ..fx::client() }],
        users: Vec::new(),
    };
    assert_eq!(refuses(&declared, &pruning), []);
}

#[test]
fn a_name_that_is_pruned_can_be_given_anew() {
    let (existing, pruning) = registered(&declaration());
    let third = Declaration { users: vec![user(4, "third", "ada")], ..Declaration::default() };
    let taken = field(DeclaredObject::User(0), "email", Violation::LoginNameTaken);
    assert_eq!(plan(&third, &existing, None, &registrar()).unwrap_err(), [taken]);
    let plan = plan(&third, &existing, Some(&pruning), &registrar()).unwrap();
    let position = |wanted: fn(&Write) -> bool| plan.writes.iter().position(wanted);
    let deleted = position(|write| matches!(write, Write::DeleteUser(_)));
    assert!(deleted < position(|write| matches!(write, Write::PutUser { .. })), "{:?}", plan.writes);
    let put = plan.writes.iter().filter(|write| matches!(write, Write::PutUser { .. }));
    assert_eq!(put.count(), 1, "who is deleted gives up nothing before: {:?}", plan.writes);
}

#[test]
fn an_address_goes_from_one_person_to_another_in_one_run() {
    let existing = registered(&declaration()).0;
    let two = |ada: &str, bob: &str| Declaration {
        users: vec![user(2, "ada", ada), user(3, "bob", bob)],
        ..Declaration::default()
    };
    for (ada, bob) in [("bob", "ada"), ("bob", "new"), ("new", "ada")] {
        let plan = plan(&two(ada, bob), &existing, None, &registrar()).unwrap();
        assert_eq!(lines(&plan), ["change ada email", "change bob email"], "{ada} {bob}");
        // Done in order, every guard holds and no write takes a name that somebody still has.
        let mut users: BTreeMap<UserId, User> =
            existing.users.values().map(|user| (user.id, user.clone())).collect();
        for write in &plan.writes {
            let Write::PutUser { user, was } = write else { continue };
            assert_eq!(users.get(&user.id), was.as_deref(), "{ada} {bob}");
            users.insert(user.id, (**user).clone());
            let names: Vec<_> = users.values().flat_map(User::login_names).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        }
        let emails: Vec<_> = users.values().map(|user| user.email.clone().unwrap()).collect();
        assert_eq!(emails, [format!("{ada}@example.test"), format!("{bob}@example.test")]);
    }
    let bob = Declaration { users: vec![user(3, "bob", "ada")], ..Declaration::default() };
    let errors = plan(&bob, &existing, None, &registrar()).unwrap_err();
    assert_eq!(
        errors,
        [field(DeclaredObject::User(0), "email", Violation::LoginNameTaken)],
        "ada is not in the set, so she keeps it"
    );
    // An address that is given up becomes a user name too.
    let mut third = two("ada", "new");
    third.users.push(User { email: None, ..user(4, "bob@example.test", "") });
    let plan = plan(&third, &existing, None, &registrar()).unwrap();
    assert!(lines(&plan).contains(&"create bob@example.test".to_owned()), "{plan:?}");
}
