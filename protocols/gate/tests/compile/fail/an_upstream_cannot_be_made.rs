use gate::{Duplex, Upstream};

fn make<T>(stream: T) -> Upstream<T> {
    Upstream { duplex: Duplex::new(stream), target: "shop".into() }
}

fn main() {}
