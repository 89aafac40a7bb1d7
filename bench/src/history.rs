//! What the server has acknowledged about one authorization, and what must therefore be true after it was killed.
//!
//! * What was acknowledged is there: a code redeems, an access token is active, the newest refresh token refreshes.
//! * What was in flight is all or nothing: asked again, it is as if it had happened once.
//! * A code gives tokens once. A refresh token has one successor, and is dead once that was used.
//! * What was revoked stays revoked.

use std::time::{Duration, Instant};

use crate::{
    flow::{BenchClient, TokenReply, tokens},
    http::{Fault, HttpConnection, Reply},
    random::Random,
};

/// So long, and a little longer, the refresh token before the newest gets the newest again.
const GRACE: Duration = Duration::from_secs(25);

/// What was sent and not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InFlight {
    Redeem,
    Refresh,
    Revoke,
}

/// One authorization, from its code on.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    code: String,
    /// The newest that came.
    newest: Option<TokenReply>,
    /// The refresh token before it: dead as soon as the newest is used.
    previous: Option<String>,
    /// One whose successor was used.
    used_up: Option<String>,
    pending: Option<InFlight>,
    /// When that was sent first.
    since: Option<Instant>,
    is_revoked: bool,
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Something acknowledged is not there.
    Lost(String),
    /// Something that works once worked twice.
    Doubled(String),
    /// Something that had ended works.
    Revived(String),
}

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) codes: u64,
    pub(crate) redemptions: u64,
    pub(crate) refreshes: u64,
    pub(crate) revocations: u64,
    /// Answers that never came.
    pub(crate) unknown: u64,
    /// Answers that said to try again.
    pub(crate) refused: u64,
    /// Codes that were redeemed by a request whose answer never came: they work once, so they are not retried.
    pub(crate) spent: u64,
    /// What else a client could not get with one more try.
    pub(crate) failed: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.codes += other.codes;
        self.redemptions += other.redemptions;
        self.refreshes += other.refreshes;
        self.revocations += other.revocations;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.spent += other.spent;
        self.failed += other.failed;
    }

    pub(crate) fn acknowledged(&self) -> u64 {
        self.codes + self.redemptions + self.refreshes + self.revocations
    }
}

type Checked = Result<Vec<Wrong>, Fault>;

impl Line {
    pub(crate) fn new(code: String) -> Self {
        Self {
            code,
            newest: None,
            previous: None,
            used_up: None,
            pending: None,
            since: None,
            is_revoked: false,
        }
    }

    /// Whether a later check can ask again.
    pub(crate) fn is_open(&self) -> bool {
        self.newest.is_some() && !self.is_revoked
    }

    fn ask(&mut self, what: InFlight) {
        if self.pending != Some(what) {
            (self.pending, self.since) = (Some(what), Some(Instant::now()));
        }
    }

    fn advance(&mut self, next: TokenReply) {
        self.pending = None;
        self.used_up = self.previous.take().or_else(|| self.used_up.take());
        self.previous = self.newest.replace(next).map(|old| old.refresh);
    }

    /// What was asked last was refused: then it is as if it had not been asked, and everything before still holds.
    pub(crate) fn was_refused(&mut self) {
        self.pending = None;
    }

    /// Redeems the code and notes what came of it.
    pub(crate) async fn redeem(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Result<(), Fault> {
        self.ask(InFlight::Redeem);
        let reply = client.redeem(c, &self.code).await?;
        self.advance(tokens(&reply)?);
        Ok(())
    }

    /// Uses the newest refresh token and notes what came of it.
    pub(crate) async fn refresh(
        &mut self,
        client: &BenchClient,
        c: &mut HttpConnection,
    ) -> Result<(), Fault> {
        let Some(newest) = self.newest.clone() else { return Ok(()) };
        self.ask(InFlight::Refresh);
        let reply = client.refresh(c, &newest.refresh).await?;
        self.advance(tokens(&reply)?);
        Ok(())
    }

    /// Revokes it and notes what came of it.
    pub(crate) async fn revoke(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Result<(), Fault> {
        let Some(newest) = self.newest.clone() else { return Ok(()) };
        self.ask(InFlight::Revoke);
        client.revoke(c, &newest.refresh).await?.expect(200)?;
        (self.pending, self.is_revoked) = (None, true);
        Ok(())
    }

    /// Repeats a request whose answer was lost. False when the first one had taken effect and cannot take effect twice.
    pub(crate) async fn again(
        &mut self,
        client: &BenchClient,
        c: &mut HttpConnection,
    ) -> Result<bool, Fault> {
        match self.pending {
            Some(InFlight::Redeem) => {
                let found = self.check_redemption(client, c).await?;
                found.first().map_or(Ok(()), |wrong| Err(Fault::Unexpected(format!("{wrong:?}"))))?;
            }
            Some(InFlight::Refresh) => self.refresh(client, c).await?,
            Some(InFlight::Revoke) => return self.revoke(client, c).await.map(|()| true),
            None => {}
        }
        Ok(!self.is_revoked)
    }

    /// After a restart: everything that the acknowledged answers promise. One line in three is brought to its end, so that
    /// what must not work is tried too. After a fault it can be called again: what was asked counts as in flight until then.
    pub(crate) async fn check(
        &mut self,
        client: &BenchClient,
        c: &mut HttpConnection,
        random: &mut Random,
    ) -> Checked {
        let mut wrong = match self.pending {
            _ if self.is_revoked => return self.check_ended(client, c).await,
            Some(InFlight::Redeem) => self.check_redemption(client, c).await?,
            Some(InFlight::Refresh) => self.check_refresh(client, c).await?,
            Some(InFlight::Revoke) => self.check_revocation(client, c).await?,
            None if self.newest.is_none() => self.check_code(client, c).await?,
            None => self.check_tokens(client, c).await?,
        };
        if wrong.is_empty() && self.is_open() && random.once_in(3) {
            wrong.extend(self.end(client, c, random).await?);
        }
        Ok(wrong)
    }

    /// A code came and was never used.
    async fn check_code(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        self.ask(InFlight::Redeem);
        let reply = client.redeem(c, &self.code).await?;
        match tokens(&reply) {
            Ok(tokens) => self.advance(tokens),
            Err(Fault::Unexpected(_)) => return Ok(vec![Wrong::Lost(format!("a code: {}", told(&reply)))]),
            Err(fault) => return Err(fault),
        }
        Ok(Vec::new())
    }

    /// The newest tokens came: they work.
    async fn check_tokens(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        let Some(newest) = self.newest.clone() else { return Ok(Vec::new()) };
        if !client.is_active(c, &newest.access).await? {
            return Ok(vec![Wrong::Lost("an access token".to_owned())]);
        }
        self.ask(InFlight::Refresh);
        let reply = client.refresh(c, &newest.refresh).await?;
        match tokens(&reply) {
            Ok(next) => self.advance(next),
            Err(Fault::Unexpected(_)) => {
                return Ok(vec![Wrong::Lost(format!("a refresh token: {}", told(&reply)))]);
            }
            Err(fault) => return Err(fault),
        }
        Ok(Vec::new())
    }

    /// The code was sent and the answer lost: it works now and never again, or it has been used.
    async fn check_redemption(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        let reply = client.redeem(c, &self.code).await?;
        match (reply.status, tokens(&reply)) {
            (_, Ok(tokens)) => self.advance(tokens),
            (400, _) => (self.pending, self.is_revoked) = (None, true),
            (_, Err(Fault::Unexpected(_))) => {
                return Ok(vec![Wrong::Lost(format!("a code: {}", told(&reply)))]);
            }
            (_, Err(fault)) => return Err(fault),
        }
        Ok(Vec::new())
    }

    /// The refresh token was sent and the answer lost: it has one successor, however often it is sent.
    async fn check_refresh(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        let Some(newest) = self.newest.clone() else { return Ok(Vec::new()) };
        let (first, second) =
            (client.refresh(c, &newest.refresh).await?, client.refresh(c, &newest.refresh).await?);
        let is_late = self.since.is_some_and(|since| since.elapsed() > GRACE);
        if is_refused(&first)? && is_late {
            // It was used then, and using it once more now is theft.
            (self.pending, self.is_revoked) = (None, true);
            return self.check_ended(client, c).await;
        }
        if is_refused(&first)? || is_refused(&second)? {
            let told = format!("{}, then {}", told(&first), told(&second));
            return Ok(vec![Wrong::Lost(format!("a refresh token with its use in flight: {told}"))]);
        }
        let (first_tokens, second_tokens) = (tokens(&first)?, tokens(&second)?);
        if first_tokens.refresh != second_tokens.refresh {
            return Ok(vec![Wrong::Doubled("a refresh token has two successors".to_owned())]);
        }
        self.advance(second_tokens);
        // Its use makes the one that was in flight a used one.
        self.refresh(client, c).await?;
        Ok(Vec::new())
    }

    /// The revocation was sent and the answer lost: alive, or dead for good.
    async fn check_revocation(&mut self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        let Some(newest) = self.newest.clone() else { return Ok(Vec::new()) };
        let reply = client.refresh(c, &newest.refresh).await?;
        if !is_refused(&reply)? {
            self.advance(tokens(&reply)?);
            return Ok(Vec::new());
        }
        (self.pending, self.is_revoked) = (None, true);
        self.check_ended(client, c).await
    }

    /// Nothing of a line that ended works.
    pub(crate) async fn check_ended(&self, client: &BenchClient, c: &mut HttpConnection) -> Checked {
        let mut wrong = Vec::new();
        let mut refreshes: Vec<&String> = self.previous.iter().chain(&self.used_up).collect();
        if let Some(newest) = &self.newest {
            refreshes.push(&newest.refresh);
            for token in [&newest.access, &newest.refresh] {
                if client.is_active(c, token).await? {
                    wrong.push(Wrong::Revived("a token is active".to_owned()));
                }
            }
        }
        for token in refreshes {
            let reply = client.refresh(c, token).await?;
            if !is_refused(&reply)? {
                wrong.push(Wrong::Revived(format!("a refresh token: {}", told(&reply))));
            }
        }
        let reply = client.redeem(c, &self.code).await?;
        if !is_refused(&reply)? {
            wrong.push(Wrong::Doubled(format!("a code: {}", told(&reply))));
        }
        Ok(wrong)
    }

    /// Ends a line: by what must not work, and is answered by its end, or by a revocation.
    async fn end(&mut self, client: &BenchClient, c: &mut HttpConnection, random: &mut Random) -> Checked {
        let mut wrong = Vec::new();
        self.ask(InFlight::Revoke);
        match (self.used_up.clone(), random.below(3)) {
            (_, 0) => {
                let reply = client.redeem(c, &self.code).await?;
                if !is_refused(&reply)? {
                    wrong.push(Wrong::Doubled(format!("a code: {}", told(&reply))));
                }
            }
            (Some(used_up), 1) => {
                let reply = client.refresh(c, &used_up).await?;
                if !is_refused(&reply)? {
                    wrong.push(Wrong::Revived(format!("a refresh token: {}", told(&reply))));
                }
            }
            _ => self.revoke(client, c).await?,
        }
        (self.pending, self.is_revoked) = (None, true);
        // What was found must not be lost to an answer that does not come.
        if wrong.is_empty() { self.check_ended(client, c).await } else { Ok(wrong) }
    }
}

/// Whether the server refused it for good; an answer that is neither that nor tokens is a fault.
fn is_refused(reply: &Reply) -> Result<bool, Fault> {
    match reply.status {
        400 => Ok(true),
        200 => Ok(false),
        _ => Err(reply.unexpected()),
    }
}

fn told(reply: &Reply) -> String {
    format!("{} {}", reply.status, reply.text().chars().take(120).collect::<String>())
}
