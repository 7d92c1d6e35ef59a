//! A route with its rule, and a handler that takes the proof of it.

use admin::door::{Ask, Authorized, Routes, Rule};
use admin::input::Nothing;
use admin::{Admin, Problem};
use axum::routing::MethodFilter;

struct Administer;

impl Rule for Administer {
    const ASK: Ask = Ask::Act("lock");
}

async fn handler(_: Authorized<Administer>, _: Admin, _: Nothing) -> Result<&'static str, Problem> {
    Ok("done")
}

pub(crate) fn routes() -> Routes {
    Routes::new().on(MethodFilter::GET, "/", Administer, handler)
}
