use gate::Leave;

fn invent() -> Leave {
    Leave { session: 1, countersigned: Default::default() }
}

fn main() {}
