//! The data sets in the repository, as arrays.

use rosenblatt::kernels::environment::standard;

/// Reads `values, …, class` lines. Parsing a number is arithmetic too, and its bits must not depend
/// on a test's floating-point environment.
fn parse<const I: usize>(text: &str, scale: f32) -> (Vec<[f32; I]>, Vec<u8>) {
    standard(|| lines(text, scale))
}

fn lines<const I: usize>(text: &str, scale: f32) -> (Vec<[f32; I]>, Vec<u8>) {
    text.lines()
        .map(|line| {
            let mut x = [0.0; I];
            let mut fields = line.split(',');
            for (x, field) in x.iter_mut().zip(&mut fields) {
                *x = field.parse::<f32>().expect("a number") * scale;
            }
            let class: u8 = fields.next().expect("a class").parse().expect("a class");
            assert_eq!(fields.next(), None, "{line} has more than {I} values and a class");
            (x, class)
        })
        .unzip()
}

/// 150 flowers: four lengths in cm, three classes.
pub fn iris() -> (Vec<[f32; 4]>, Vec<u8>) {
    parse(include_str!("../../../data/iris.csv"), 1.0)
}

/// 1,797 images of 8×8 pixels, scaled from 0 … 16 to 0 … 1; ten digits.
pub fn digits() -> (Vec<[f32; 64]>, Vec<u8>) {
    parse(include_str!("../../../data/digits.csv"), 1.0 / 16.0)
}

/// Classes as one-hot rows.
pub fn one_hot<const O: usize>(classes: &[u8]) -> Vec<[f32; O]> {
    classes
        .iter()
        .map(|&class| {
            let mut t = [0.0; O];
            t[usize::from(class)] = 1.0;
            t
        })
        .collect()
}
