//! Tests of the whole: the binary on real sockets, and the shape of the workspace.

mod architecture;
mod console;
mod harness;
mod parity;
mod sdk;
mod tools;
mod webdriver;
