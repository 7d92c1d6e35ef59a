//! The life of a connection: negotiate, prove, open, reach, then exchange.

use bytes::BytesMut;
use gate::words::{Action, Attributes, Operation, Resource};
use gate::{
    About, Connect, Connection, Decision, Error, Gate, Hold, Manner, Masked, NotOpened, Permitted,
    Reason, Session, Target, Ungoverned,
};

use crate::Postgres;
use crate::answers;
use crate::cancel::{LONG_KEY, SHORT_KEY};
use crate::client::{Arrived, arrive, farewell};
use crate::config::Backend;
use crate::decode::SessionState;
use crate::exchange::{Exchange, State, Watch, plain_facts};
use crate::server::{Entered, Wishes, enter, startup};
use crate::wire::backend::Status;
use crate::wire::frame::Limits;
use crate::wire::refusal::Refusal;
use crate::wire::substitute::Substitute;
use crate::wire::write::client as write;

pub(crate) async fn serve(
    listener: &Postgres,
    connection: Connection,
    gate: Gate,
) -> Result<(), Error> {
    // apart: what it takes to get in is given back before the session begins
    match Box::pin(enters(listener, connection, gate)).await? {
        Some(exchange) => exchange.run().await,
        None => Ok(()),
    }
}

/// Until client and server are logged in; `None` for a connection that only asked to cancel something.
async fn enters(
    listener: &Postgres,
    connection: Connection,
    gate: Gate,
) -> Result<Option<Box<Exchange>>, Error> {
    let arrived = arrive(connection, &gate, &listener.cancels, &listener.listener).await?;
    let Some(mut arrived) = arrived else {
        return Ok(None);
    };
    let (target, database) = find(listener, &mut arrived).await?;
    let session = open(&gate, &mut arrived, &target).await?;
    let permit = reach(&session, &mut arrived, &database).await?;
    let wishes = Wishes {
        login: &arrived.login,
        database: &database,
    };
    let entered = match startup(&session, &target.backend, &wishes) {
        Ok(startup) => enter(&session, permit, &target.backend, startup).await,
        Err(error) => Err(error),
    };
    let entered = match entered {
        Ok(entered) => entered,
        Err(error) => {
            let told: Result<(), Error> =
                farewell(&mut arrived.connection, &answers::not_entered(&error)).await;
            return told.and(Err(error));
        }
    };
    let exchange = exchange(listener, arrived, (session, database), entered)?;
    Ok(Some(Box::new(exchange)))
}

/// The target by its name, and the database among those on offer.
async fn find(
    listener: &Postgres,
    arrived: &mut Arrived,
) -> Result<(Target<Backend>, String), Error> {
    let name = arrived.login.target.clone();
    let found = listener.backends.find(&name).and_then(|target| {
        let offered = &target.backend.databases;
        let database = match &arrived.login.database {
            None => offered.first().cloned(),
            Some(asked) => offered.iter().find(|offered| *offered == asked).cloned(),
        };
        database.map(|database| (target, database))
    });
    match found {
        Some(found) => Ok(found),
        None => {
            farewell(
                &mut arrived.connection,
                &Refusal::NotConnected { target: name },
            )
            .await
        }
    }
}

async fn open(
    gate: &Gate,
    arrived: &mut Arrived,
    target: &Target<Backend>,
) -> Result<Session, Error> {
    let about = About {
        protocol: "postgres",
        target: target.policy.clone(),
        reason: arrived.login.reason.clone(),
        client: arrived
            .login
            .setting("application_name")
            .unwrap_or_default()
            .to_owned(),
    };
    match gate.open(arrived.who.clone(), about).await {
        Ok(session) => Ok(session),
        Err(not_opened) => {
            let refusal = match not_opened {
                NotOpened::Locked(_) => Refusal::NotConnected {
                    target: target.policy.name.clone(),
                },
                NotOpened::Fault(gate::Fault::Draining) => Refusal::Drain,
                NotOpened::Fault(_) => Refusal::UpstreamLost,
            };
            farewell(&mut arrived.connection, &refusal).await
        }
    }
}

/// Asks for leave to connect; while people are asked, the client reads notices and is watched.
async fn reach(
    session: &Session,
    arrived: &mut Arrived,
    database: &str,
) -> Result<Permitted<Connect>, Error> {
    let mut detail = vec![("database", database)];
    let role = arrived.login.role.clone();
    if let Some(role) = &role {
        detail.push(("role", role));
    }
    let more = role
        .as_deref()
        .map(|role| set_role(database, role))
        .into_iter()
        .collect();
    let mut decision = session.authorize(Connect::to(session, &detail, more)).await;
    let mut ok = BytesMut::new();
    write::authentication_ok(&mut ok);
    let mut told = false;
    loop {
        match decision {
            Decision::Permit(permit) => {
                if !told {
                    arrived.connection.queue(ok.freeze());
                }
                return Ok(permit);
            }
            Decision::Hold(hold) if !told && hold.manner() == Manner::Ticket => {
                decision = ticket(hold).await;
            }
            Decision::Hold(mut hold) => {
                if !told {
                    told = true;
                    arrived.connection.queue(ok.split().freeze());
                    arrived
                        .connection
                        .queue(answers::waiting(hold.id(), hold.asks(), false));
                }
                if let Err(gone) = wait(&mut hold, arrived).await {
                    drop(hold.withdraw().await);
                    return Err(gone);
                }
                decision = hold.settle().await;
            }
            Decision::Deny(denied) => {
                let refusal = match denied.reason() {
                    Reason::Policy { .. } => Refusal::NotConnected {
                        target: session.target().name.clone(),
                    },
                    reason => answers::refusal(reason, denied.id()),
                };
                return farewell(&mut arrived.connection, &refusal).await;
            }
            Decision::Fault(_, fault) => {
                let told: Result<(), Error> =
                    farewell(&mut arrived.connection, &Refusal::UpstreamLost).await;
                return told.and(Err(fault.into()));
            }
        }
    }
}

/// A service does not wait: it is told to come back.
async fn ticket(hold: Hold<Connect>) -> Decision<Connect> {
    match hold.ticket().await {
        Ok(denied) => Decision::Deny(denied),
        Err((request, fault)) => Decision::Fault(request, fault),
    }
}

/// Until there is reason to settle; an error is the client's going away.
async fn wait(hold: &mut Hold<Connect>, arrived: &mut Arrived) -> Result<(), Error> {
    let mut watch = Watch::default();
    watch.keep(true, &mut arrived.connection)?;
    loop {
        tokio::select! {
            () = hold.wait() => return Ok(()),
            () = watch.gone() => return Err(Error::Client("gone while held".into())),
            flushed = arrived.connection.flush(), if arrived.connection.backlog() > 0 => {
                flushed.map_err(Error::ClientGone)?;
            }
        }
    }
}

fn set_role(database: &str, role: &str) -> Operation {
    Operation {
        action: Action {
            protocol: "postgres",
            id: "set_role",
        },
        resource: Resource {
            path: vec![
                ("Database", database.to_owned().into()),
                ("Setting", format!("role {role}").into()),
            ],
            attributes: Attributes::new(),
        },
        facts: plain_facts(),
        statement: 0,
        span: None,
    }
}

/// Tells the client that it is in, and takes over.
fn exchange(
    listener: &Postgres,
    arrived: Arrived,
    (session, database): (Session, String),
    entered: Entered,
) -> Result<Exchange, Error> {
    let Arrived {
        mut connection,
        inbox,
        minor,
        ..
    } = arrived;
    let length = if minor >= 2 { LONG_KEY } else { SHORT_KEY };
    let registration = listener.cancels.register(length);
    let mut out = BytesMut::new();
    for (name, value) in &entered.reported {
        write::parameter_status(&mut out, name, value);
    }
    write::backend_key_data(&mut out, registration.pid, &registration.key);
    write::ready_for_query(&mut out, Status::Idle);
    connection.queue(out.freeze());
    let reported = |name: &str| {
        let found = entered.reported.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let mut application = BytesMut::new();
    let name = "application_name";
    write::parameter_status(&mut application, name, &reported(name));
    let mut secret = [0; 16];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| Error::Configuration("no randomness".into()))?;
    let mask = session.mask();
    Ok(Exchange {
        shared: listener.shared.clone(),
        client: connection,
        watch: Watch::default(),
        inbox,
        application: Masked::ungoverned(Ungoverned::Protocol, application.freeze()),
        encoding: reported("client_encoding"),
        server: entered.upstream,
        replies: entered.replies,
        connected: Some(entered.connected),
        way: entered.way,
        registration,
        key: entered.cancel,
        limits: Limits {
            frame: listener.listener.message_bytes,
            ..Limits::default()
        },
        substitute: Substitute::new(secret),
        facts: SessionState {
            database,
            ..SessionState::default()
        },
        status: Status::Idle,
        state: State::new(mask),
        session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every session that idles pays for what its task may come to.
    const ROOM: usize = 8 << 10;

    fn room<'a, F>(_: impl FnOnce(&'a Postgres, Connection, Gate) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_session_is_small() {
        assert!(room(serve) <= ROOM, "{}", room(serve));
    }
}
