use gate::{Permitted, Request};

fn make<R: Request>(request: R) -> Permitted<R> {
    Permitted { request }
}

fn main() {}
