//! Every table and column, parents before what refers to them.

use super::{Column, Kind, Table};

const fn int(name: &'static str) -> Column {
    Column { name, kind: Kind::Int, null: false, since: 1 }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text, null: false, since: 1 }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: Kind::Bytes, null: false, since: 1 }
}

const fn or_null(column: Column) -> Column {
    Column { null: true, ..column }
}

const fn since(version: i64, column: Column) -> Column {
    Column { since: version, ..column }
}

/// Nothing is left out: pending interactions and counters of guesses are copied too, so that a move interrupts nobody and lets
/// nobody guess again.
pub static TABLES: &[Table] = &[
    Table {
        name: "realm",
        since: 1,
        columns: &[int("realm"), text("issuer"), bytes("key_check"), int("generation"), int("epoch")],
    },
    Table {
        name: "client",
        since: 1,
        columns: &[int("realm"), text("client_id"), int("applied"), text("body")],
    },
    Table {
        name: "resource",
        since: 1,
        columns: &[int("realm"), text("identifier"), int("applied"), text("body")],
    },
    Table { name: "resource_scope", since: 1, columns: &[int("realm"), text("scope"), text("identifier")] },
    Table {
        name: "user",
        since: 1,
        columns: &[
            int("realm"),
            bytes("id"),
            text("username"),
            int("applied"),
            or_null(text("password_hash")),
            text("body"),
        ],
    },
    Table { name: "login_name", since: 1, columns: &[int("realm"), text("name"), bytes("user_id")] },
    Table {
        name: "key",
        since: 1,
        columns: &[
            int("realm"),
            text("kid"),
            text("usage"),
            bytes("wrapped"),
            text("public"),
            int("created_at"),
            int("active_from"),
            or_null(int("retired_at")),
        ],
    },
    Table {
        name: "session",
        since: 1,
        columns: &[
            int("realm"),
            bytes("id"),
            bytes("digest"),
            bytes("user_id"),
            int("created_at"),
            int("last_seen_at"),
            int("expires_at"),
            or_null(int("ended_at")),
            text("body"),
            since(2, int("epoch")),
        ],
    },
    Table {
        name: "interaction",
        since: 1,
        columns: &[
            int("realm"),
            bytes("id"),
            bytes("browser"),
            int("version"),
            int("created_at"),
            int("expires_at"),
            text("facts"),
            text("request"),
        ],
    },
    Table {
        name: "consent",
        since: 1,
        columns: &[
            int("realm"),
            bytes("id"),
            bytes("user_id"),
            text("client_id"),
            text("permissions"),
            int("version"),
            int("created_at"),
            int("updated_at"),
            or_null(int("withdrawn_at")),
        ],
    },
    Table {
        name: "authorization",
        since: 1,
        columns: &[
            int("realm"),
            bytes("id"),
            text("client_id"),
            bytes("user_id"),
            bytes("session_id"),
            bytes("consent_id"),
            int("epoch"),
            int("created_at"),
            int("expires_at"),
            int("last_used_at"),
            or_null(int("revoked_at")),
            bytes("code_digest"),
            int("code_expires_at"),
            or_null(int("redeemed_at")),
            or_null(int("burnt_at")),
            or_null(int("generation")),
            or_null(bytes("refresh_digest")),
            or_null(int("rotated_at")),
            or_null(int("refresh_expires_at")),
            text("body"),
        ],
    },
    Table { name: "denied", since: 1, columns: &[int("realm"), bytes("token"), int("expires_at")] },
    Table {
        name: "attempt",
        since: 1,
        columns: &[
            int("realm"),
            int("kind"),
            bytes("digest"),
            int("count"),
            int("next_at"),
            int("updated_at"),
        ],
    },
    Table {
        name: "refusal",
        since: 1,
        columns: &[int("realm"), int("minute"), text("client_id"), text("reason"), int("count")],
    },
    Table { name: "audit", since: 1, columns: &[int("realm"), int("at"), bytes("id"), text("body")] },
    Table {
        name: "issued",
        since: 3,
        columns: &[
            since(3, int("realm")),
            since(3, int("minute")),
            since(3, text("client_id")),
            since(3, text("grant")),
            since(3, int("count")),
        ],
    },
];
