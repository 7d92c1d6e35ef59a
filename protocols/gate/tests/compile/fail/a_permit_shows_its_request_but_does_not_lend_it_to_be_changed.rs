use gate::{Permitted, Request};

fn swap<R: Request>(permit: &mut Permitted<R>, harmful: R) {
    *permit.request() = harmful;
}

fn main() {}
