//! `/token`, also `/oauth/token`: authenticate the client, load what the grant names, decide, commit, answer.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{RawQuery, State},
    http::{HeaderMap, header},
};
use grantwell_core::{
    client::Client,
    client_auth::{self, AuthenticatedClient, CHALLENGE, ClientAuthRefusal, Presented},
    error::{ErrorCode, OAuthError, Refusal},
    form::Form,
    step::{Decision, Refused},
    store::{Outcome, Read, Share, Store},
    token::{self, Context as Deciding, Decided, Loaded, Origin, Request, TokenRefusal},
};

use crate::{
    app::App,
    http::{
        answer::{Answer, bad_body, contended, json, note, oauth_error, refused, set, unavailable},
        body::{self, BodyError},
        context::Context,
        proceed::ROUNDS,
    },
};

/// How long a request waits for a key that is being made, and how often it looks.
const KEY_PATIENCE: Duration = Duration::from_secs(10);
const KEY_LOOKS: Duration = Duration::from_millis(50);

/// The form of a back-channel endpoint and who claims to send it.
pub(crate) struct Sent {
    /// The parameters.
    pub(crate) form: Form,
    /// The credential.
    pub(crate) presented: Presented,
    /// The client it claims to be.
    pub(crate) client: Option<Arc<Client>>,
    uses_header: bool,
}

/// Reads a request to a back-channel endpoint and loads the client it names (RFC 6749 §2.3, §3.2: parameters in the body
/// only).
pub(crate) async fn receive(
    app: &App,
    context: &Context,
    headers: &HeaderMap,
    query: Option<String>,
    body: Body,
) -> Result<Sent, Box<Answer>> {
    if query.is_some_and(|query| !query.is_empty()) {
        let error =
            OAuthError::new(ErrorCode::InvalidRequest, "parameters belong into the body, not into the URL");
        return Err(Box::new(oauth_error(context, error)));
    }
    let form = body::form(headers, body).await.map_err(|error| {
        Box::new(match error {
            // RFC 6749 §5.2: a body of another type is a malformed request like any other.
            BodyError::MediaType => {
                oauth_error(context, OAuthError::new(ErrorCode::InvalidRequest, error.description()))
            }
            _ => bad_body(context, error),
        })
    })?;
    let authorization = authorization(headers);
    let uses_header = !authorization.is_empty();
    let presented = client_auth::present(&authorization, &form)
        .map_err(|refusal| Box::new(unauthenticated(context, &refusal, uses_header)))?;
    let client = app.client(&presented.client_id).await;
    let client = client.map_err(|error| Box::new(unavailable(context, &error)))?;
    Ok(Sent { form, presented, client, uses_header })
}

impl Sent {
    /// The proof of who sent it, or the answer that there is none.
    pub(crate) fn authenticate(&self, context: &Context) -> Result<AuthenticatedClient<'_>, Box<Answer>> {
        client_auth::authenticate(&self.presented, self.client.as_deref())
            .map_err(|refusal| Box::new(unauthenticated(context, &refusal, self.uses_header)))
    }
}

/// The value of every `Authorization` header.
pub(crate) fn authorization(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all(header::AUTHORIZATION).iter().map(|value| value.to_str().unwrap_or_default()).collect()
}

fn unauthenticated(context: &Context, refusal: &ClientAuthRefusal, uses_header: bool) -> Answer {
    let mut answer = refused(context, refusal);
    if uses_header && answer.status() == 401 {
        set(&mut answer, "www-authenticate", CHALLENGE);
    }
    answer
}

/// Where a request comes from, for the audit log.
pub(crate) fn origin(context: &Context) -> Origin {
    Origin { address: Some(context.address), trace_id: Arc::clone(&context.trace_id) }
}

/// POST.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    context: Context,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let sent = match receive(&app, &context, &headers, query, body).await {
        Ok(sent) => sent,
        Err(answer) => return *answer,
    };
    let client = match sent.authenticate(&context) {
        Ok(client) => client,
        Err(answer) => return *answer,
    };
    let (grant, answer) = match Request::read(&sent.form, client) {
        Ok(request) => {
            let answer = grant(&app, &context, &request).await;
            if answer.status() == 200 {
                app.issued.count(&client.client_id, request.grant_type(), context.now);
            }
            (request.grant_type().as_str(), answer)
        }
        Err(refusal) => ("unknown", unread(&app, &context, client, refusal).await),
    };
    note(answer, |noted| {
        noted.grant = Some(grant);
        noted.client_id = Some(client.client_id.to_string());
    })
}

/// A request whose grant could not be found, or is not the client's.
async fn unread(
    app: &App,
    context: &Context,
    client: AuthenticatedClient<'_>,
    refusal: TokenRefusal,
) -> Answer {
    match commit(app, context, Err(token::counted(refusal, client, context.now))).await {
        Ok(Some(answer)) => answer,
        Ok(None) => contended(context),
        Err(error) => unavailable(context, &error),
    }
}

async fn grant(app: &App, context: &Context, request: &Request<'_>) -> Answer {
    let mut waited = Duration::ZERO;
    let mut conflicts = 0;
    while conflicts < ROUNDS {
        let current = app.current();
        let origin = origin(context);
        let deciding = Deciding {
            policy: &app.policy,
            keyring: &current.keyring,
            epoch: current.realm.epoch,
            now: context.now,
            entropy: app.entropy.as_ref(),
            origin: &origin,
        };
        match decide(app, request, &deciding).await {
            Ok(Err(Refused { refusal: TokenRefusal::KeyNotReady(_), .. })) if waited < KEY_PATIENCE => {
                tokio::time::sleep(KEY_LOOKS).await;
                waited += KEY_LOOKS;
            }
            Ok(decided) => match commit(app, context, decided).await {
                Ok(Some(answer)) => return answer,
                Ok(None) => conflicts += 1,
                Err(error) => return unavailable(context, &error),
            },
            Err(error) => return unavailable(context, &error),
        }
    }
    contended(context)
}

/// Load, then decide.
async fn decide(app: &App, request: &Request<'_>, deciding: &Deciding<'_>) -> Read<Decided> {
    let refuse = |refusal: TokenRefusal| Ok(Err(request.counted(refusal, deciding.now)));
    let authorization = match request.authorization() {
        Ok(Some(id)) => app.store.authorization(app.realm, id).await?,
        Ok(None) => None,
        Err(refusal) => return refuse(refusal),
    };
    let resources = match request.resources(authorization.as_ref(), deciding.policy) {
        Ok(wanted) => app.resources(wanted.identifiers, wanted.scopes).await?,
        Err(refusal) => return refuse(refusal),
    };
    Ok(request.decide(&Loaded { authorization, resources }, deciding))
}

/// Commits what was decided; `None` after a conflict.
async fn commit(app: &App, context: &Context, decided: Decided) -> Read<Option<Answer>> {
    let (writes, answer) = match decided {
        Ok(Decision { writes, outcome }) => (writes, json(200, &outcome)),
        Err(Refused { refusal, writes, .. }) => {
            if let TokenRefusal::KeyNotReady(_) = refusal {
                let mut answer = refused(context, &refusal);
                set(&mut answer, "retry-after", "1");
                return Ok(Some(answer));
            }
            if refusal.reason().contains("reused") {
                metrics::counter!("grantwell_refresh_reuse_total", "decision" => "revoked").increment(1);
            }
            (writes, refused(context, &refusal))
        }
    };
    if writes.is_empty() {
        return Ok(Some(answer));
    }
    match app.store.commit(app.realm, Share::Grants, writes).await? {
        Outcome::Done => Ok(Some(answer)),
        Outcome::Conflict(_) => Ok(None),
    }
}
