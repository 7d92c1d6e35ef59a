use gate::{Permitted, Request};

fn twice<R: Request + Clone>(permit: &Permitted<R>) -> Permitted<R> {
    Clone::clone(permit)
}

fn main() {}
