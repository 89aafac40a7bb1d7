//! Every change there is, each with the precondition that the engine checks in the same statement.

use super::{
    AttemptKey, Authorization, Backoff, Consent, Event, Facts, Interaction, KeyRecord, RealmRecord,
    RefreshState, Seen, Session, Ticket, TicketKind, TicketUpdate, User,
};
use crate::{
    client::{Client, GrantType},
    id::{
        AuthorizationId, ClientId, ConsentId, InteractionId, KeyId, ResourceIdentifier, SessionId, TicketId,
        UserId,
    },
    resource::Resource,
    scope::Permissions,
    secret::Digest,
    time::Timestamp,
};

/// One guarded change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Claims a realm for an issuer. Guard: the realm has no row.
    ClaimRealm(RealmRecord),
    /// Gives the realm another issuer: all that was issued for the old one is worthless. Only `grantwell dev` does that,
    /// whose issuer holds its port. Guard: the issuer is `from`. Raises the generation.
    MoveRealm {
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Raises the epoch. Guard: the epoch is one less than this.
    RaiseEpoch(u32),
    /// Inserts or replaces a client. Guard: its stored form equals `was` (`None`: there is no row). Raises the generation.
    PutClient {
        /// The new form.
        client: Box<Client>,
        /// The form it was decided on.
        was: Option<Box<Client>>,
    },
    /// Deletes a client. Guard: it exists. Raises the generation.
    DeleteClient(ClientId),
    /// Inserts or replaces a resource with its scopes. Guard as for clients. Raises the generation.
    PutResource {
        /// The new form.
        resource: Box<Resource>,
        /// The form it was decided on.
        was: Option<Box<Resource>>,
    },
    /// Deletes a resource. Guard: it exists. Raises the generation.
    DeleteResource(ResourceIdentifier),
    /// Inserts or replaces a user with the login names. Guard as for clients, and that no login name is another user's.
    /// Raises the generation.
    PutUser {
        /// The new form.
        user: Box<User>,
        /// The form it was decided on.
        was: Option<Box<User>>,
    },
    /// Deletes a user and the login names, and ends what hangs under the user: sessions, consents, authorizations.
    /// Guard: it exists. Raises the generation.
    DeleteUser(UserId),
    /// Replaces the password hash by one of the same password (new parameters). Guard: the hash is `from`.
    Rehash {
        /// Whose.
        user_id: UserId,
        /// Before.
        from: String,
        /// After.
        to: String,
    },
    /// Inserts a key. Guard: no key of that id, and no other key of the same use that is not yet retired at
    /// `active_from` (so that several nodes make one). Raises the generation.
    InsertKey(KeyRecord),
    /// Sets when a key stops signing. Guard: the key exists and has no such time yet. Raises the generation.
    RetireKey {
        /// Which.
        kid: KeyId,
        /// When it stops signing.
        at: Timestamp,
    },
    /// Deletes a key. Guard: it exists. Raises the generation.
    DeleteKey(KeyId),

    /// Reserves an attempt before it is checked: raises the count, sets the earliest next time. A counter older than
    /// `backoff.forget` starts at zero. Guard: its earliest next time is not after `now`.
    ReserveAttempt {
        /// Under which key.
        key: AttemptKey,
        /// The present.
        now: Timestamp,
        /// How the delay grows.
        backoff: Backoff,
    },
    /// Counts a settled failure, with the same delays. No guard.
    CountFailure {
        /// Under which key.
        key: AttemptKey,
        /// The present.
        now: Timestamp,
        /// How the delay grows.
        backoff: Backoff,
    },
    /// Forgets a counter after a success. No guard.
    ClearAttempts(AttemptKey),

    /// Inserts a session. Guard: no session of that id.
    InsertSession(Box<Session>),
    /// The person of a session signed in again: it stays the same session, with another secret, sign-in, browser, last use and end.
    /// Guard: it has the digest `from`, belongs to the user, and has not ended.
    Reauthenticate {
        /// As it is from now on.
        session: Box<Session>,
        /// The digest of its secret so far.
        from: Digest,
    },
    /// Notes the last use. Guard: none; an ended session is left alone.
    TouchSession {
        /// Which.
        id: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Ends a session. Guard: it belongs to the user and has not ended.
    EndSession {
        /// Which.
        id: SessionId,
        /// Whose.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },

    /// Ends every session of a user but one. No guard: what has ended stays as it is.
    EndOtherSessions {
        /// Whose.
        user_id: UserId,
        /// Which one goes on.
        keep: SessionId,
        /// When.
        at: Timestamp,
    },

    /// Inserts an interaction. Guard: no interaction of that id.
    InsertInteraction(Box<Interaction>),
    /// Replaces the facts. Guard: the version is `version`; it is raised by one.
    UpdateInteraction {
        /// Which.
        id: InteractionId,
        /// The version it was decided on.
        version: u32,
        /// The new facts.
        facts: Box<Facts>,
    },

    /// Inserts a consent. Guard: no live consent of the user for the client.
    InsertConsent(Box<Consent>),
    /// Replaces what was agreed to. Guard: the consent is live and its version is `version`; it is raised by one.
    ExtendConsent {
        /// Which.
        id: ConsentId,
        /// The version it was decided on.
        version: u32,
        /// All that is agreed to now.
        permissions: Permissions,
        /// When.
        at: Timestamp,
    },
    /// Withdraws a consent. Guard: it belongs to the user and is live.
    WithdrawConsent {
        /// Which.
        id: ConsentId,
        /// Whose.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },

    /// Inserts an authorization with its code. Guard: no authorization of that id; its consent is live, its session has
    /// not ended.
    InsertAuthorization(Box<Authorization>),
    /// Marks the code redeemed and, for a client with that grant, sets the first refresh token. Guard: the code is neither
    /// redeemed nor invalidated, the authorization not revoked.
    RedeemCode {
        /// Of which authorization.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
        /// The first generation.
        refresh: Option<RefreshState>,
    },
    /// Invalidates an unused code. Guard: the code is neither redeemed nor invalidated.
    InvalidateCode {
        /// Of which authorization.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
    },
    /// Rotates the refresh token in place; where there is no code, sets the first. Guard: the generation is one less than
    /// `to.generation`, the authorization not revoked. An authorization without a code begins at generation 0; one with a code has no
    /// generation before [`Write::RedeemCode`] gives it one.
    RotateRefresh {
        /// Of which authorization.
        id: AuthorizationId,
        /// The new generation.
        to: RefreshState,
    },
    /// Revokes an authorization. Guard: it is not revoked.
    RevokeAuthorization {
        /// Which.
        id: AuthorizationId,
        /// When.
        at: Timestamp,
    },
    /// Inserts a ticket. Guard: no ticket of that id, and no other ticket of that kind with the second digest that is live at `at`.
    InsertTicket {
        /// The ticket.
        ticket: Box<Ticket>,
        /// The present.
        at: Timestamp,
    },
    /// Replaces the body of a ticket, and its expiry where there is a new one. Guard: the ticket is live and its version is
    /// `version`; it is raised by one.
    UpdateTicket(Box<TicketUpdate>),
    /// Uses a ticket up. Guard: it is live, and its version is `version` where there is one.
    UseTicket {
        /// What it is for.
        kind: TicketKind,
        /// Which.
        id: TicketId,
        /// The version it was decided on; `None`: whichever it has.
        version: Option<u32>,
        /// When.
        at: Timestamp,
    },
    /// Takes an id that a client chose. Guard: it was not taken before.
    InsertSeen(Seen),
    /// Revokes one access token until it expires. No guard: a second revocation changes nothing.
    RevokeAccessToken {
        /// SHA-256 of its `jti`.
        token: Digest,
        /// The end of its life.
        expires_at: Timestamp,
    },
    /// Appends to the audit log. No guard.
    Audit(Box<Event>),
    /// Counts what an authenticated client was refused, by minute. No guard.
    CountRefusal {
        /// The client.
        client_id: ClientId,
        /// The reason, one of a fixed list.
        reason: &'static str,
        /// The minute, rounded down by the engine.
        at: Timestamp,
    },
    /// Adds to the count of the tokens that a client was given, by grant and minute. No guard.
    CountTokens {
        /// The client.
        client_id: ClientId,
        /// By which grant.
        grant: GrantType,
        /// The minute, rounded down by the engine.
        minute: Timestamp,
        /// How many more.
        count: u32,
    },
}

/// Says of every write what it is called and whether it raises the generation.
macro_rules! kinds {
    ($($write:ident $fields:tt $kind:literal $raises:literal)*) => {
        impl Write {
            /// Every kind, in the order of the writes.
            pub const KINDS: &[&str] = &[$($kind),*];

            /// The kind of change, without what it changes: for logs and traces.
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$write $fields => $kind),* }
            }

            /// Whether every node must learn of it: a change of clients, resources, users or keys raises the realm's generation in
            /// the same commit ([`Write::MoveRealm`] does so by itself).
            pub const fn raises_generation(&self) -> bool {
                match self { $(Self::$write $fields => $raises),* }
            }
        }
    };
}

kinds! {
    ClaimRealm(_)              "claim_realm"          false
    MoveRealm { .. }           "move_realm"           false
    RaiseEpoch(_)              "raise_epoch"          false
    PutClient { .. }           "put_client"           true
    DeleteClient(_)            "delete_client"        true
    PutResource { .. }         "put_resource"         true
    DeleteResource(_)          "delete_resource"      true
    PutUser { .. }             "put_user"             true
    DeleteUser(_)              "delete_user"          true
    Rehash { .. }              "rehash"               false
    InsertKey(_)               "insert_key"           true
    RetireKey { .. }           "retire_key"           true
    DeleteKey(_)               "delete_key"           true
    ReserveAttempt { .. }      "reserve_attempt"      false
    CountFailure { .. }        "count_failure"        false
    ClearAttempts(_)           "clear_attempts"       false
    InsertSession(_)           "insert_session"       false
    Reauthenticate { .. }      "reauthenticate"       false
    TouchSession { .. }        "touch_session"        false
    EndSession { .. }          "end_session"          false
    EndOtherSessions { .. }    "end_other_sessions"   false
    InsertInteraction(_)       "insert_interaction"   false
    UpdateInteraction { .. }   "update_interaction"   false
    InsertConsent(_)           "insert_consent"       false
    ExtendConsent { .. }       "extend_consent"       false
    WithdrawConsent { .. }     "withdraw_consent"     false
    InsertAuthorization(_)     "insert_authorization" false
    RedeemCode { .. }          "redeem_code"          false
    InvalidateCode { .. }            "burn_code"            false
    RotateRefresh { .. }       "rotate_refresh"       false
    RevokeAuthorization { .. } "revoke_authorization" false
    InsertTicket { .. }        "insert_ticket"        false
    UpdateTicket(_)            "update_ticket"        false
    UseTicket { .. }           "use_ticket"           false
    InsertSeen(_)              "insert_seen"          false
    RevokeAccessToken { .. }           "deny_token"           false
    Audit(_)                   "audit"                false
    CountRefusal { .. }        "count_refusal"        false
    CountTokens { .. }         "count_tokens"         false
}
