//! The Rust contenders as a program: `contenders DATA NUMBER` answers for one of them,
//! `contenders count` prints how many there are. See `rosenblatt_peers::process`.

use std::env;

use anyhow::{Context, Result};
use rosenblatt_peers::data::Data;
use rosenblatt_peers::process::serve;
use rosenblatt_peers::rust;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let all = rust::all();
    match arguments.as_slice() {
        [count] if count == "count" => println!("{}", all.len()),
        [_, number] => {
            let peer = number.parse().ok().and_then(|number: usize| all.get(number));
            serve(peer.context("no such contender")?.as_ref(), &Data::new())?;
        }
        _ => anyhow::bail!("usage: contenders DATA NUMBER, or contenders count"),
    }
    Ok(())
}
