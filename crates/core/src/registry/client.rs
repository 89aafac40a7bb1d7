//! Clients (RFC 7591, RFC 7592): how one is put, changed and deleted. What one may be is in [`metadata`].

mod metadata;

use serde_json::{Map, Value};

pub use self::metadata::{metadata, read};
use super::{
    Existing, FieldError, InUse, PlannedChange, RegisteredObject, Registrar, Violation, changed_fields,
    merged,
};
use crate::{
    client::Client,
    id::{ClientId, ResourceIdentifier},
    store::Write,
    time::Timestamp,
};

/// Registers `client`, or replaces `was` by it. Its `default_resource` must be in `beside`, and is kept as that one
/// is spelled.
///
/// A client that is registered anew under an old id takes over nothing of its predecessor, and one that is disabled
/// loses its tokens for good: `tokens_not_before` follows from `was` and the present.
pub fn put(
    mut client: Client,
    was: Option<&Client>,
    beside: &Existing,
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<FieldError>> {
    if let Some(wanted) = &mut client.default_resource {
        let resource = beside.resource(wanted);
        let resource =
            resource.ok_or_else(|| vec![FieldError::new("default_resource", Violation::NoSuchResource)])?;
        wanted.clone_from(&resource.identifier);
    }
    client.tokens_not_before = tokens_not_before(&client, was, with.now);
    let object = RegisteredObject::Client(client.client_id.clone());
    let fields = changed_fields(was, &client);
    let write = Write::PutClient { client: Box::new(client), was: was.cloned().map(Box::new) };
    Ok(PlannedChange::put(object, fields, write, with))
}

/// Replaces some fields of `was`; null takes a field away (RFC 7396). A secret stays until another one is given.
pub fn change(
    was: &Client,
    changes: &Map<String, Value>,
    beside: &Existing,
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<FieldError>> {
    let mut fields = metadata(was);
    // They follow from the grants.
    fields.remove("response_types");
    let client = read(&merged(fields, changes), Some(was))?;
    if client.client_id != was.client_id {
        return Err(vec![FieldError::new("client_id", Violation::Fixed)]);
    }
    put(client, Some(was), beside, with)
}

/// Deletes a client. `named_by` are the resources that name it in `introspection_clients` and stay.
pub fn delete(
    client_id: &ClientId,
    named_by: &[ResourceIdentifier],
    with: &Registrar<'_>,
) -> Result<PlannedChange, Vec<InUse>> {
    let in_use = |resource: &ResourceIdentifier| InUse::IntrospectionClient {
        client: client_id.clone(),
        resource: resource.clone(),
    };
    if !named_by.is_empty() {
        return Err(named_by.iter().map(in_use).collect());
    }
    let object = RegisteredObject::Client(client_id.clone());
    Ok(PlannedChange::delete(object, Write::DeleteClient(client_id.clone()), with))
}

fn tokens_not_before(client: &Client, was: Option<&Client>, now: Timestamp) -> Timestamp {
    match was {
        Some(was) if was.disabled || !client.disabled => was.tokens_not_before,
        Some(_) | None => now,
    }
}

#[cfg(test)]
mod tests;
