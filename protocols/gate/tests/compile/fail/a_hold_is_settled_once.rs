use gate::{Hold, Request};

async fn twice<R: Request>(hold: Hold<R>) {
    let first = hold.settle().await;
    let second = hold.settle().await;
    drop((first, second));
}

fn main() {}
