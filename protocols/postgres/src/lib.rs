mod catalog;
pub mod decode;
pub mod lineage;
mod words;
