#![expect(dead_code, unused_imports, reason = "the program that uses the pages comes next")]
mod pages;
fn main() {}
