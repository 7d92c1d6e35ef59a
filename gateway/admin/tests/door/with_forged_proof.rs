use admin::door::{Ask, Authorized, Rule};

struct Administer;

impl Rule for Administer {
    const ASK: Ask = Ask::Act("lock");
}

fn forge(who: gate::Authenticated) -> Authorized<Administer> {
    Authorized {
        who,
        rule: std::marker::PhantomData,
    }
}

fn main() {}
