//! Tests of the whole: the binary on real sockets, and the shape of the workspace.

mod alerting;
mod architecture;
mod ask;
mod check;
mod collect;
mod console;
mod contract;
mod crash;
mod deleting;
mod doors;
mod harness;
mod moving_in;
mod parity;
mod peers;
mod push;
mod querying;
mod reload;
mod sdk;
mod smtp;
mod tools;
mod webdriver;
