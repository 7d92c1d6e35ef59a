use gate::Underway;

fn clone(underway: &Underway) -> Underway {
    Underway::clone(underway)
}

fn main() {}
