use gate::{Framed, Request};

fn bare<R: Request, T>(framed: &Framed<T>, request: R) {
    let _ = framed.enter(request);
}

fn main() {}
