//! The plan by its properties, and in simulations of groups that change.

mod group;
mod properties;
mod simulation;
