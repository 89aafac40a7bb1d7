//! Keys derived from the realm's one secret. Each use has its own, so that a value made for one is noise to another.

use crate::{seal::DailyKey, secret::Secret};

/// The derived keys of a realm. Codes, refresh tokens, anti-forgery values and seals stand and fall with them; they are
/// the same on every node and after every restart.
#[derive(Debug)]
pub struct RealmKeys {
    /// The secret of a code, from the id of its interaction.
    pub code: Secret,
    /// The next refresh secret, from the present one.
    pub refresh: Secret,
    /// The tag that shows a refresh token of any generation to be ours.
    pub refresh_tag: Secret,
    /// Anti-forgery values of forms.
    pub anti_forgery: Secret,
    /// Requests that travel in a form.
    pub request: DailyKey,
    /// Opaque access tokens.
    pub access_token: DailyKey,
    /// Known-device cookies.
    pub device: DailyKey,
}

impl RealmKeys {
    /// Derives them all.
    pub fn derive(realm_secret: &Secret) -> Self {
        let derive = |label| realm_secret.mac(label, &[]);
        Self {
            code: derive("code"),
            refresh: derive("refresh"),
            refresh_tag: derive("refresh-tag"),
            anti_forgery: derive("anti-forgery"),
            request: DailyKey::new(derive("request")),
            access_token: DailyKey::new(derive("access-token")),
            device: DailyKey::new(derive("device")),
        }
    }
}
