use std::sync::atomic::{AtomicU8, Ordering};

use super::*;
use crate::cli::state;

const NOW: Timestamp = Timestamp::from_seconds(1_000);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Other bytes at every call.
static CALLS: AtomicU8 = AtomicU8::new(0);
struct Counting;
impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(CALLS.fetch_add(1, Ordering::Relaxed));
    }
}

/// Plans `text` against `existing`; the stand-in for hashing is `hash:` before the password.
fn run(text: &str, existing: &Existing, undeclared: Undeclared) -> Result<Plan, Problems> {
    let source = Source { name: "state.toml".to_owned(), text: text.to_owned() };
    let state = state::parse(&source, NOW).unwrap();
    let hashing = Hashing {
        hash: &|password| Ok(format!("hash:{password}")),
        verify: &|password, hash| hash == format!("hash:{password}"),
    };
    let with =
        Circumstances { now: NOW, entropy: &Counting, hashing, undeclared, issuer: "https://id.example" };
    plan(&source, &state, existing, &with)
}

/// What there is once the writes of `plan` are done.
fn after(mut existing: Existing, plan: &Plan) -> Existing {
    for write in &plan.writes {
        match write.clone() {
            Write::PutClient { client, was } => {
                assert_eq!(existing.clients.get(&client.client_id), was.as_deref());
                existing.applied.clients.push(client.client_id.clone());
                existing.clients.insert(client.client_id.clone(), *client);
            }
            Write::PutResource { resource, was } => {
                assert_eq!(existing.resources.get(&resource.identifier), was.as_deref());
                existing.applied.resources.push(resource.identifier.clone());
                existing.resources.insert(resource.identifier.clone(), *resource);
            }
            Write::PutUser { user, .. } => {
                existing.users.retain(|_, other| other.id != user.id);
                existing.applied.users.push((user.id, user.username.clone()));
                for name in user.login_names() {
                    existing.users.insert(name, (*user).clone());
                }
            }
            _ => {}
        }
    }
    existing
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| {
        format!("{} {} {} {}", step.action.words().0, step.kind, step.name, step.fields.join(","))
    };
    plan.steps.iter().map(|step| line(step).trim_end().to_owned()).collect()
}

fn state_text() -> String {
    format!(
        "[[resource]]\nidentifier = \"https://api.example/\"\nintrospection_clients = [\"web\"]\n[resource.scopes]\nread = \"Read\"\n\
         [[client]]\nclient_id = \"web\"\nclient_secret = \"{SECRET}\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
         default_resource = \"https://api.example/\"\n\
         [[user]]\nusername = \"ada\"\npassword = \"correct horse\"\nemail = \"ada@example.test\"\n"
    )
}

#[test]
fn a_second_run_changes_nothing() {
    let first = run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap();
    assert_eq!(
        lines(&first),
        ["create resource https://api.example/", "create client web", "create user ada"]
    );
    assert_eq!(first.writes.len(), 6, "three objects and their audit events");
    let existing = after(Existing::default(), &first);
    for undeclared in [Undeclared::Keep, Undeclared::Prune] {
        let second = run(&state_text(), &existing, undeclared).unwrap();
        assert_eq!(
            lines(&second),
            ["leave resource https://api.example/", "leave client web", "leave user ada"]
        );
        assert!(second.writes.is_empty());
    }
}

#[test]
fn a_change_names_its_fields_and_nothing_else_moves() {
    let existing = long_ago(&state_text());
    let text = state_text()
        .replace("https://rp.example/cb", "https://rp.example/new")
        .replace("correct horse", "other password");
    let plan = run(&text, &existing, Undeclared::Keep).unwrap();
    assert_eq!(
        lines(&plan),
        [
            "leave resource https://api.example/",
            "change client web redirect_uris",
            "change user ada password,tokens_not_before"
        ]
    );
    let Write::PutClient { client, .. } = &plan.writes[0] else { panic!("{:?}", plan.writes) };
    assert_eq!(client.tokens_not_before, Timestamp::default());
    let Write::PutUser { user, .. } = &plan.writes[1] else { panic!("{:?}", plan.writes) };
    assert_eq!(user.password_hash.as_deref(), Some("hash:other password"));
    assert_eq!(user.tokens_not_before, NOW, "a new password ends old sessions");
}

#[test]
fn secrets_are_compared_by_digest() {
    let existing =
        after(Existing::default(), &run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap());
    let plan =
        run(&state_text().replace(SECRET, &SECRET.to_uppercase()), &existing, Undeclared::Keep).unwrap();
    assert!(lines(&plan).contains(&"change client web client_secret".to_owned()));
    assert!(!format!("{plan:?}").contains(SECRET));
}

/// What a state file made, with its clients registered long before now.
fn long_ago(state: &str) -> Existing {
    let mut made = after(Existing::default(), &run(state, &Existing::default(), Undeclared::Keep).unwrap());
    made.clients.values_mut().for_each(|client| client.tokens_not_before = Timestamp::default());
    made
}

#[test]
fn a_client_registered_anew_takes_over_nothing_of_its_predecessor() {
    let plan = run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap();
    let made = after(Existing::default(), &plan);
    assert!(made.clients.values().all(|client| client.tokens_not_before == NOW));
}

#[test]
fn disabling_ends_what_was_issued_and_enabling_does_not_bring_it_back() {
    let on = state_text();
    let off = on
        .replace("username", "disabled = true\nusername")
        .replace("client_id", "disabled = true\nclient_id");
    let existing = long_ago(&on);
    let plan = run(&off, &existing, Undeclared::Keep).unwrap();
    assert!(lines(&plan).contains(&"change client web disabled,tokens_not_before".to_owned()), "{plan:?}");
    assert!(lines(&plan).contains(&"change user ada disabled,tokens_not_before".to_owned()), "{plan:?}");
    let existing = after(existing, &plan);
    let plan = run(&on, &existing, Undeclared::Keep).unwrap();
    assert!(lines(&plan).contains(&"change client web disabled".to_owned()), "{plan:?}");
    assert!(lines(&plan).contains(&"change user ada disabled".to_owned()), "{plan:?}");
    assert_eq!(after(existing, &plan).users[&LoginName::new("ada")].tokens_not_before, NOW);
}

#[test]
fn prune_removes_only_what_apply_made() {
    let mut existing =
        after(Existing::default(), &run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap());
    let mut by_hand = existing.clients[&ClientId::from("web")].clone();
    by_hand.client_id = ClientId::from("by-hand");
    by_hand.applied = false;
    existing.clients.insert(by_hand.client_id.clone(), by_hand);
    assert!(run("", &existing, Undeclared::Keep).unwrap().steps.is_empty());
    let plan = run("", &existing, Undeclared::Prune).unwrap();
    assert_eq!(
        lines(&plan),
        ["remove client web", "remove resource https://api.example/", "remove user ada"]
    );
    assert!(!format!("{plan:?}").contains("by-hand"));
}

#[test]
fn references_must_lead_somewhere() {
    let client = format!(
        "[[client]]\nclient_id = \"web\"\nclient_secret = \"{SECRET}\"\nredirect_uris = [\"https://rp.example/cb\"]\n\
         default_resource = \"https://api.example/\"\n"
    );
    let resource =
        "[[resource]]\nidentifier = \"https://api.example/\"\nintrospection_clients = [\"api\", \"web\"]\n";
    let problems = run(&client, &Existing::default(), Undeclared::Keep).unwrap_err();
    assert_eq!(problems.0[0].place.as_ref().map(|place| (place.line, place.column)), Some((5, 20)));
    let problems = run(&format!("{client}{resource}"), &Existing::default(), Undeclared::Keep).unwrap_err();
    assert_eq!(problems.0.len(), 1);
    assert_eq!(problems.0[0].place.as_ref().map(|place| (place.line, place.column)), Some((8, 26)));

    let existing =
        after(Existing::default(), &run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap());
    assert!(run(&client, &existing, Undeclared::Keep).is_ok(), "the database has it");
    assert!(run(&client, &existing, Undeclared::Prune).is_err(), "it goes in the same run");
}

#[test]
fn a_resource_is_never_called_like_the_issuer() {
    for identifier in ["https://id.example", "https://id.example/"] {
        let text = format!("[[resource]]\nidentifier = \"{identifier}\"\n");
        assert!(run(&text, &Existing::default(), Undeclared::Keep).is_err(), "{identifier}");
    }
}

#[test]
fn nobody_takes_the_name_of_another() {
    let existing =
        after(Existing::default(), &run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap());
    let problems =
        run("[[user]]\nusername = \"ada@example.test\"\n", &existing, Undeclared::Keep).unwrap_err();
    assert!(problems.to_string().contains("is the e-mail of another user"), "{problems}");
    let bob = "[[user]]\nusername = \"bob\"\nemail = \"ADA@example.test\"\n";
    let problems = run(bob, &existing, Undeclared::Keep).unwrap_err();
    assert!(problems.to_string().contains("signs another user in"), "{problems}");
    assert!(run(bob, &existing, Undeclared::Prune).is_ok(), "ada goes in the same run");
}

#[test]
fn a_password_that_is_not_declared_stays() {
    let existing =
        after(Existing::default(), &run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap());
    let plan = run(&state_text().replace("password = \"correct horse\"\n", ""), &existing, Undeclared::Keep)
        .unwrap();
    assert!(lines(&plan).contains(&"leave user ada".to_owned()));
}

#[test]
fn every_change_is_an_audit_event_without_values() {
    let plan = run(&state_text(), &Existing::default(), Undeclared::Keep).unwrap();
    let events: Vec<&Event> = plan
        .writes
        .iter()
        .filter_map(|write| if let Write::Audit(event) = write { Some(&**event) } else { None })
        .collect();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["resource.created", "client.created", "user.created"]);
    assert!(events.iter().all(|event| event.at == NOW && event.detail["by"] == "apply"));
    assert_eq!(events[1].client_id, Some(ClientId::from("web")));
    let existing = after(Existing::default(), &plan);
    assert_eq!(events[2].user_id, Some(existing.users[&LoginName::new("ada")].id));
}

fn two(ada: &str, bob: &str) -> String {
    format!(
        "[[user]]\nusername = \"ada\"\nemail = \"{ada}@example.test\"\n[[user]]\nusername = \"bob\"\nemail = \"{bob}@example.test\"\n"
    )
}

#[test]
fn an_address_goes_from_one_person_to_another_in_one_run() {
    let existing = long_ago(&two("ada", "bob"));
    for (ada, bob) in [("bob", "ada"), ("bob", "new"), ("new", "ada")] {
        let plan = run(&two(ada, bob), &existing, Undeclared::Keep).unwrap();
        assert_eq!(lines(&plan), ["change user ada email", "change user bob email"], "{ada} {bob}");
        // Done in order, no write takes a name that somebody still has.
        let mut names: BTreeMap<LoginName, UserId> =
            existing.users.iter().map(|(name, user)| (name.clone(), user.id)).collect();
        for write in &plan.writes {
            let Write::PutUser { user, was } = write else { continue };
            let was = was.as_ref().unwrap();
            was.login_names().iter().for_each(|name| assert_eq!(names.remove(name), Some(user.id)));
            for name in user.login_names() {
                assert_eq!(names.insert(name, user.id), None, "{ada} {bob}");
            }
        }
        let new = after(existing.clone(), &plan);
        assert_eq!(new.users[&LoginName::new("ada")].email, Some(format!("{ada}@example.test")));
        assert_eq!(new.users[&LoginName::new("bob")].email, Some(format!("{bob}@example.test")));
    }
    let taken = "[[user]]\nusername = \"bob\"\nemail = \"ada@example.test\"\n";
    assert!(run(taken, &existing, Undeclared::Keep).is_err(), "ada is not declared, so she keeps it");
    // A user name too: bob's address becomes the name of a third.
    let third = format!("{}[[user]]\nusername = \"bob@example.test\"\n", two("ada", "new"));
    assert!(
        lines(&run(&third, &existing, Undeclared::Keep).unwrap())
            .contains(&"create user bob@example.test".to_owned())
    );
}

#[test]
fn prune_leaves_nothing_of_the_database_that_leads_nowhere() {
    let mut existing = long_ago(&state_text());
    let (api, web) = (ResourceIdentifier::from("https://api.example/"), ClientId::from("web"));
    existing.references = References {
        introspection_clients: vec![(api.clone(), web.clone())],
        default_resources: vec![(web.clone(), api.clone())],
        is_cut: false,
    };
    let cut = Existing {
        references: References { is_cut: true, ..existing.references.clone() },
        ..existing.clone()
    };
    let said = run("", &cut, Undeclared::Prune).unwrap_err().to_string();
    assert!(said.starts_with("error: more than 1000 clients or resources"), "{said}");
    assert!(run("", &cut, Undeclared::Keep).is_ok());
    assert!(run("", &existing, Undeclared::Prune).is_ok(), "they go together");
    existing.references = References {
        introspection_clients: vec![("https://by-hand.example/".into(), web)],
        default_resources: vec![("by-hand".into(), api)],
        is_cut: false,
    };
    assert!(run("", &existing, Undeclared::Keep).is_ok());
    let said = run("", &existing, Undeclared::Prune).unwrap_err().to_string();
    assert!(said.contains("the client web") && said.contains("the client by-hand"), "{said}");
    assert!(said.ends_with("2 errors"), "{said}");
}
