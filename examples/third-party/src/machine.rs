//! Shape 4: a machine asks for a token in its own name (RFC 6749 §4.4) each time it needs one. There is no person, so
//! there is no consent, no ID token and no refresh token: when the API responds with 401, it asks again.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    ThirdPartyApp,
    backend::NoteForm,
    connection::{ConnectionView, IssuerConnection, Notice},
    issuer::{Log, Trouble},
};

pub(crate) async fn call(State(app): State<Arc<ThirdPartyApp>>) -> Json<ConnectionView> {
    let mut log = Log::new();
    match IssuerConnection::of_machine(&app, &mut log).await {
        Err(trouble) => failed(&trouble, log),
        Ok(mut connection) => {
            connection.call(&app).await;
            Json(connection.view())
        }
    }
}

pub(crate) async fn note(
    State(app): State<Arc<ThirdPartyApp>>,
    Json(note): Json<NoteForm>,
) -> Json<ConnectionView> {
    let mut log = Log::new();
    match IssuerConnection::of_machine(&app, &mut log).await {
        Err(trouble) => failed(&trouble, log),
        Ok(mut connection) => {
            connection.note(&note.text, &app).await;
            Json(connection.view())
        }
    }
}

pub(crate) async fn spoil(State(app): State<Arc<ThirdPartyApp>>) -> Json<ConnectionView> {
    let mut log = Log::new();
    match IssuerConnection::of_machine(&app, &mut log).await {
        Err(trouble) => failed(&trouble, log),
        Ok(mut connection) => {
            connection.spoil(&app).await;
            Json(connection.view())
        }
    }
}

fn failed(trouble: &Trouble, log: Log) -> Json<ConnectionView> {
    Json(ConnectionView::without_session(Notice::of(trouble), log))
}
