//! What all measurements of a run stand on: the plan, the processors, the databases.

use std::{path::Path, rc::Rc, time::Duration};

use crate::{
    databases::Databases,
    fill::Size,
    flow::Paths,
    grantwell::Installation,
    http::HttpConnection,
    plan::Plan,
    population::Population,
    process::{RunningProcess, pin_to},
    rows::{BrowserPool, CONNECTIONS, LoadTarget},
};

const SERVER_PROCESSOR: &str = "0";
const LOAD_PROCESSOR: &str = "1";
const BOTH_PROCESSORS: &str = "0,1";
/// How long memory is given to settle after a start.
const SETTLE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct TestStand {
    pub(crate) plan: Plan,
    pub(crate) pinned: bool,
    databases: Databases,
}

impl TestStand {
    /// Starts the database server, where there is one, and keeps the load to its processor.
    pub(crate) async fn new(plan: Plan) -> Result<Self, String> {
        // What is started now may use both.
        pin_to(BOTH_PROCESSORS);
        let databases = Databases::new(plan.engine).await?;
        let pinned = pin_to(LOAD_PROCESSOR);
        Ok(Self { plan, pinned, databases })
    }

    /// The one processor of the servers.
    pub(crate) fn one_processor(&self) -> Option<&'static str> {
        self.pinned.then_some(SERVER_PROCESSOR)
    }

    /// The server's processor and that of the load.
    pub(crate) fn two_processors(&self) -> Option<&'static str> {
        self.pinned.then_some(BOTH_PROCESSORS)
    }

    /// Gives memory time to settle, where figures mean something.
    pub(crate) async fn settle(&self) {
        if !self.plan.quick {
            tokio::time::sleep(SETTLE).await;
        }
    }

    /// An installation that was never started.
    pub(crate) fn empty(&self, program: &Path) -> Result<Installation, String> {
        self.databases.installation(program, 0)
    }

    /// An installation with people and clients, and as much as `size` says.
    pub(crate) async fn prepared(
        &self,
        program: &Path,
        size: Option<Size>,
    ) -> Result<ReadyInstallation, String> {
        let installation = self.databases.installation(program, CONNECTIONS)?;
        installation.apply().await?;
        let population = match size {
            None => None,
            Some(size) => Some(Rc::new(Population::fill(&installation, size).await?)),
        };
        Ok(ReadyInstallation { installation, population, sessions: Rc::default() })
    }
}

/// An installation to be measured.
#[derive(Debug)]
pub(crate) struct ReadyInstallation {
    pub(crate) installation: Installation,
    population: Option<Rc<Population>>,
    sessions: Rc<BrowserPool>,
}

impl ReadyInstallation {
    /// Starts the server; it answers.
    pub(crate) async fn serve(
        &self,
        processors: Option<&'static str>,
        environment: &[(&str, &str)],
    ) -> Result<Served, String> {
        let server = self.installation.serve(processors, environment).await?;
        let paths = discover(&server).await?;
        let (population, sessions) = (self.population.clone(), Rc::clone(&self.sessions));
        Ok(Served { server, paths, population, sessions })
    }
}

/// A server under load.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) server: RunningProcess,
    paths: Paths,
    population: Option<Rc<Population>>,
    sessions: Rc<BrowserPool>,
}

impl Served {
    /// Another server, which has nothing but what it makes itself.
    pub(crate) async fn other(server: RunningProcess) -> Result<Self, String> {
        let paths = discover(&server).await?;
        Ok(Self { server, paths, population: None, sessions: Rc::default() })
    }

    pub(crate) fn target(&self) -> LoadTarget<'_> {
        LoadTarget {
            server: &self.server,
            paths: &self.paths,
            population: self.population.as_ref(),
            sessions: &self.sessions,
        }
    }
}

async fn discover(server: &RunningProcess) -> Result<Paths, String> {
    Paths::discover(&mut HttpConnection::new(server.address)).await.map_err(|fault| fault.to_string())
}
