//! Users, clients and tokens that were there before anything is measured: the rows draw from them.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{HashMap, HashSet},
    time::Instant,
};

use crate::{
    fill::{Filling, Size},
    grantwell::Installation,
    random::Random,
};

/// All of them.
#[derive(Debug)]
pub(crate) struct Population {
    filling: Filling,
    drawn: RefCell<Drawn>,
}

/// What has happened to them since.
#[derive(Debug)]
struct Drawn {
    random: Random,
    /// The newest refresh token of each authorization that was refreshed.
    newest: HashMap<u64, String>,
    /// Authorizations whose refresh token is being used.
    busy: HashSet<u64>,
}

/// A refresh token that nobody else uses now, and whose it is.
#[derive(Debug)]
pub(crate) struct DrawnToken {
    number: u64,
    pub(crate) client: Cow<'static, str>,
    pub(crate) token: String,
}

impl Population {
    /// Fills the database of an installation that `apply` has been run on.
    pub(crate) async fn fill(installation: &Installation, size: Size) -> Result<Self, String> {
        // The first start makes the keys.
        installation.serve(None, &[]).await?.stop().await?;
        let (url, folder) = (installation.database(), installation.path(""));
        let filling = Filling::of(installation, &url, size).await?;
        let begun = Instant::now();
        let filled = tokio::task::spawn_blocking(move || {
            filling.fill(&url, &folder)?;
            Ok::<_, String>(filling)
        });
        let filling = filled.await.map_err(|error| error.to_string())??;
        let Size { users, clients, authorizations, .. } = size;
        let took = begun.elapsed().as_secs_f64();
        eprintln!("{users} users, {clients} clients and {authorizations} tokens, filled in in {took:.1} s");
        let random = Random::new(Random::seed());
        let drawn = Drawn { random, newest: HashMap::new(), busy: HashSet::new() };
        Ok(Self { filling, drawn: RefCell::new(drawn) })
    }

    /// The id of any client.
    pub(crate) fn client(&self) -> Cow<'static, str> {
        let (_, client) = self.filling.strangers(&mut self.drawn.borrow_mut().random);
        Filling::client_id(client).into()
    }

    /// Any person.
    pub(crate) fn username(&self) -> String {
        let (user, _) = self.filling.strangers(&mut self.drawn.borrow_mut().random);
        Filling::username(user)
    }

    /// Any refresh token; it has to be given [`back`](Self::give_back).
    pub(crate) fn draw(&self) -> DrawnToken {
        let mut drawn = self.drawn.borrow_mut();
        let mut number = self.filling.living(&mut drawn.random);
        while !drawn.busy.insert(number) {
            number = self.filling.living(&mut drawn.random);
        }
        let newest = drawn.newest.remove(&number);
        let token = newest.unwrap_or_else(|| self.filling.refresh_token(number));
        let (_, client) = self.filling.parties(number);
        DrawnToken { number, client: Filling::client_id(client).into(), token }
    }

    /// The token that came for a drawn one.
    pub(crate) fn give_back(&self, used: &DrawnToken, next: String) {
        let mut drawn = self.drawn.borrow_mut();
        drawn.busy.remove(&used.number);
        drawn.newest.insert(used.number, next);
    }
}
