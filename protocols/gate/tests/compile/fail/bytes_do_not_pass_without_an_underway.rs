use gate::Upstream;

fn loose<T>(upstream: &mut Upstream<T>) {
    let _ = upstream.more(bytes::Bytes::from_static(b"DROP TABLE orders"));
}

fn main() {}
