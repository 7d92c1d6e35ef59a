//! The only way to add a route: each names its rule, and its handler takes the proof that the rule was asked.
//!
//! A handler's first argument is `Authorized<R>`, which nothing outside this module can make; the second is the API's
//! state, the third what it reads of the request.

use std::marker::PhantomData;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use gate::desk::NotAllowed;
use gate::{Authenticated, Gate, LoginRefused};
use policy::identity::Identity;
use tokio::time::timeout;

use crate::input::About;
use crate::problem::Problem;
use crate::state::{Admin, Peer};

/// A longer body is refused with 413.
const LONGEST_BODY: usize = 64 * 1024;
/// A request must have arrived by then.
const ARRIVAL: Duration = Duration::from_secs(10);
/// An answer must have begun by then; a long poll takes at most a minute of it.
const ANSWER: Duration = Duration::from_secs(75);
const LONGEST_SUBJECT: usize = 200;

/// How a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Whoever has a valid token; what they see or do of it, the gate judges item by item.
    EachItem,
    /// The policy, for this action on the gateway itself. A refusal is recorded.
    Look(&'static str),
    /// The same, and every act is recorded, with its subject, before it is done.
    Act(&'static str),
}

/// The authorization rule of a route.
pub trait Rule: Send + Sync + 'static {
    const ASK: Ask;
}

/// Proof that the caller is known and that rule `R` was asked and said yes.
pub struct Authorized<R> {
    who: Authenticated,
    rule: PhantomData<R>,
}

impl<R> Authorized<R> {
    pub fn identity(&self) -> &Identity {
        self.who.identity()
    }

    /// For what the gate does in the caller's name.
    pub(crate) fn who(&self) -> &Authenticated {
        &self.who
    }

    pub fn name(&self) -> &str {
        &self.identity().name
    }
}

/// The table of routes.
pub struct Routes {
    router: Router<Admin>,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    pub fn new() -> Self {
        Self {
            router: Router::new(),
        }
    }

    /// Adds a route. It compiles only where the handler takes the proof of the very rule that is named here.
    pub fn on<R, H, F, I, M, O>(self, method: MethodFilter, path: &str, rule: R, handler: H) -> Self
    where
        R: Rule,
        H: Fn(Authorized<R>, Admin, I) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<O, Problem>> + Send + 'static,
        I: FromRequest<Admin, M> + About + Send + 'static,
        M: 'static,
        O: IntoResponse + Send + 'static,
    {
        // a rule is its type: the value is there to be read in the table of routes
        drop(rule);
        let door = move |State(admin): State<Admin>, request: Request| {
            let handler = handler.clone();
            async move { closed_to_caches(pass(admin, request, handler).await) }
        };
        Self {
            router: self.router.route(path, on(method, door)),
        }
    }

    /// The router, ready to be served: whoever serves it adds a `Peer` to each request.
    pub fn finish(self, admin: Admin) -> Router {
        let router = self.router;
        router
            .fallback(async || Problem::not_found("path"))
            .method_not_allowed_fallback(async || {
                Problem::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "method",
                    "the path has no such method",
                )
            })
            .layer(DefaultBodyLimit::max(LONGEST_BODY))
            .with_state(admin)
    }
}

/// The steps of every request: know the caller, ask the rule, read the rest, record the act, do it.
async fn pass<R, H, F, I, M, O>(
    admin: Admin,
    request: Request,
    handler: H,
) -> Result<Response, Problem>
where
    R: Rule,
    H: Fn(Authorized<R>, Admin, I) -> F,
    F: Future<Output = Result<O, Problem>> + Send + 'static,
    I: FromRequest<Admin, M> + About,
    O: IntoResponse + Send + 'static,
{
    let looks = request.method().is_safe();
    let peer = request.extensions().get().copied();
    let who = authenticate(&admin.gate, request.headers(), peer).await?;
    allowed(&admin.gate, who.identity(), R::ASK, request.uri().path()).await?;
    let input = read(I::from_request(request, &admin)).await?;
    if let Ask::Act(action) = R::ASK {
        let done = admin
            .gate
            .administer(who.identity(), action, &subject(&input.about()))
            .await;
        done.map_err(not_allowed)?;
    }
    let authorized = Authorized {
        who,
        rule: PhantomData,
    };
    let answer = timeout(ANSWER, handler(authorized, admin, input));
    let answered = if looks {
        answer.await
    } else {
        // what is begun is done to its end, also when the caller hangs up
        let done = tokio::spawn(answer).await;
        done.map_err(|_| Problem::unavailable("the gateway broke off what it did"))?
    };
    Ok(answered
        .map_err(|_| Problem::unavailable("no answer in time"))??
        .into_response())
}

/// The rest of the request, or what was wrong with it.
async fn read<I, E: IntoResponse>(
    arrival: impl Future<Output = Result<I, E>>,
) -> Result<I, Problem> {
    let Ok(arrived) = timeout(ARRIVAL, arrival).await else {
        let late = "the request did not arrive in time";
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "late", late));
    };
    match arrived.map_err(IntoResponse::into_response) {
        Ok(input) => Ok(input),
        Err(rejection) => Err(Problem::rejected(rejection).await),
    }
}

async fn authenticate(
    gate: &Gate,
    headers: &HeaderMap,
    peer: Option<Peer>,
) -> Result<Authenticated, Problem> {
    let Some(Peer(address)) = peer else {
        return Err(Problem::unavailable("the caller's address is not known"));
    };
    let address = address.to_canonical();
    let mut headers = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(header), None) = (headers.next(), headers.next()) else {
        return Err(Problem::unauthenticated());
    };
    let Some(token) = header.to_str().ok().and_then(bearer) else {
        return Err(Problem::unauthenticated());
    };
    match gate.bearer(token, address) {
        Ok(who) => Ok(who),
        Err(LoginRefused::Locked) => {
            let locked = "the account or its token is locked";
            Err(Problem::new(StatusCode::FORBIDDEN, "locked", locked))
        }
        Err(LoginRefused::WrongCredential | LoginRefused::Malformed) => {
            // only the answer to a wrong token is slowed down, so that nobody is locked out
            gate.penalty(public_part(token), address).await;
            Err(Problem::unauthenticated())
        }
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// What failures are counted by: never the secret.
fn public_part(token: &str) -> &str {
    let id = token
        .strip_prefix("cs_")
        .and_then(|rest| rest.split_once('_'));
    id.map_or("", |(id, _)| id)
}

async fn allowed(gate: &Gate, who: &Identity, ask: Ask, path: &str) -> Result<(), Problem> {
    match ask {
        Ask::EachItem => Ok(()),
        Ask::Look(action) | Ask::Act(action) if gate.may(who, action) => Ok(()),
        // asked again, so that the refusal is recorded
        Ask::Look(action) | Ask::Act(action) => gate
            .administer(who, action, &subject(path))
            .await
            .map_err(not_allowed),
    }
}

fn not_allowed(why: NotAllowed) -> Problem {
    match why {
        NotAllowed::Denied { action } => Problem::forbidden(action),
        NotAllowed::Unwritable => Problem::unavailable("the audit log cannot be written"),
    }
}

/// Bounded, and without characters that would forge lines.
fn subject(text: &str) -> String {
    let visible = |letter: char| {
        if letter.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            letter
        }
    };
    text.chars().take(LONGEST_SUBJECT).map(visible).collect()
}

fn closed_to_caches(answer: Result<Response, Problem>) -> Response {
    let mut response = answer.unwrap_or_else(IntoResponse::into_response);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}
