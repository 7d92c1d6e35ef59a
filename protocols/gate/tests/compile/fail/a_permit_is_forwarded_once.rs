use gate::{Permitted, Request, Upstream};

fn twice<R: Request, T>(upstream: &mut Upstream<T>, permit: Permitted<R>) {
    let _ = upstream.forward(permit);
    let _ = upstream.forward(permit);
}

fn main() {}
