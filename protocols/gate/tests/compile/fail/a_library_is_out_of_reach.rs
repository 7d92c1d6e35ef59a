use gate::Framed;

fn bare<T>(framed: &Framed<T>) -> &T {
    &framed.library
}

fn main() {}
