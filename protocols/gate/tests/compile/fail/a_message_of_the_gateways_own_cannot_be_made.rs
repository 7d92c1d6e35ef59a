use gate::{Own, Purpose};

fn own(wire: Vec<bytes::Bytes>) -> Own {
    Own { wire, purpose: Purpose::LookUp }
}

fn main() {}
