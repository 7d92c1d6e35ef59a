use gate::Authenticated;
use gate::words::Identity;

fn pretend(identity: Identity) -> Authenticated {
    Authenticated {
        identity,
        until: None,
        beside: Vec::new(),
    }
}

fn main() {}
