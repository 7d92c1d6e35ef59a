use gate::Upstream;

fn behind<T>(upstream: &mut Upstream<T>) -> &mut T {
    upstream.duplex.io()
}

fn main() {}
