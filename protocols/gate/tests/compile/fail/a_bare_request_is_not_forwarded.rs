use gate::{Request, Upstream};

fn bare<R: Request, T>(upstream: &mut Upstream<T>, request: R) {
    let _ = upstream.forward(request);
}

fn main() {}
