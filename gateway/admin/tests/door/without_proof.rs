use admin::door::{Ask, Routes, Rule};
use admin::input::Nothing;
use admin::{Admin, Problem};
use axum::routing::MethodFilter;

struct Administer;

impl Rule for Administer {
    const ASK: Ask = Ask::Act("lock");
}

async fn handler(_: Admin, _: Nothing) -> Result<&'static str, Problem> {
    Ok("done")
}

fn main() {
    let _ = Routes::new().on(MethodFilter::GET, "/", Administer, handler);
}
