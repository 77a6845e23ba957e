//! From the layout of PyTorch and ONNX, channels before positions, to channels last.

/// The shape `[channels, positions …]` with the channels last.
pub fn shape(first: &[usize]) -> Vec<usize> {
    let mut last = first.to_vec();
    last.rotate_left(usize::from(!first.is_empty()));
    last
}

/// A convolution's kernel `[filters, channels, window …]` as `[window …, channels, filters]`, and
/// its shape.
pub fn kernel(shape: &[usize], values: &[f32]) -> (Vec<usize>, Vec<f32>) {
    let axes: Vec<usize> = (2..shape.len()).chain([1, 0]).collect();
    transposed(shape, values, &axes)
}

/// The rows of a dense kernel `[inputs, units]` whose inputs are a flattened sample of the shape
/// `sample` (channels last): from the order of channels first to that of channels last.
pub fn rows(sample: &[usize], units: usize, values: &[f32]) -> Vec<f32> {
    let mut first = sample.to_vec();
    first.rotate_right(usize::from(!sample.is_empty()));
    first.push(units);
    let axes: Vec<usize> = (1..sample.len()).chain([0, sample.len()]).collect();
    transposed(&first, values, &axes).1
}

/// The inverse of [`rows`].
pub fn rows_back(sample: &[usize], units: usize, values: &[f32]) -> Vec<f32> {
    let mut last = sample.to_vec();
    last.push(units);
    let n = sample.len();
    let axes: Vec<usize> = [n - 1].into_iter().chain(0..n - 1).chain([n]).collect();
    transposed(&last, values, &axes).1
}

/// A tensor whose axis i is axis `axes[i]` of this one, and its shape. `values` has as many values
/// as `shape` says.
pub fn transposed(shape: &[usize], values: &[f32], axes: &[usize]) -> (Vec<usize>, Vec<f32>) {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let to: Vec<usize> = axes.iter().map(|axis| shape[*axis]).collect();
    let mut index = vec![0; to.len()];
    let mut all = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let from: usize = index.iter().zip(axes).map(|(i, axis)| i * strides[*axis]).sum();
        all.push(values[from]);
        for axis in (0..to.len()).rev() {
            index[axis] += 1;
            if index[axis] < to[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    (to, all)
}
