#![doc = include_str!("lecture.md")]
