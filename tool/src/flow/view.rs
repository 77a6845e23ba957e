//! Which axis of a file's tensor is which part of a sample.

use super::{Fault, Step};

/// The most axes of a tensor.
const RANK: usize = 8;

/// The largest tensor.
const MOST: usize = 1 << 28;

/// A tensor of the file, as a view of a sample in our memory.
///
/// The sample is cut into parts: axes that are larger than 1, the slowest first. An axis of the
/// file is some of the parts, one within the other; an axis of the size 1 is none. So a view says
/// where each value lies after any number of reshapes and transpositions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The sizes of the parts
    sizes: Vec<usize>,
    /// The parts of each axis, the slowest first
    axes: Vec<Vec<usize>>,
    /// Of which tensor it is a view
    state: usize,
}

impl View {
    /// A tensor that lies in memory as the file says.
    pub fn new(dims: &[usize], state: usize) -> Step {
        check(dims)?;
        let axes: Vec<_> = (0..dims.len()).map(Some).collect();
        Self::of(dims, &axes, state)
    }

    /// A sample of this shape, seen with these of its axes.
    pub fn of(shape: &[usize], axes: &[Option<usize>], state: usize) -> Step {
        check(shape)?;
        let part = |axis: usize| shape.iter().take(axis).filter(|n| **n > 1).count();
        let parts = |axis: &Option<usize>| match axis {
            Some(axis) if shape.get(*axis).is_some_and(|n| *n > 1) => vec![part(*axis)],
            _ => vec![],
        };
        Ok(Self {
            sizes: shape.iter().copied().filter(|n| *n > 1).collect(),
            axes: axes.iter().map(parts).collect(),
            state,
        })
    }

    /// The state of the network that it belongs to.
    pub fn state(&self) -> usize {
        self.state
    }

    /// The same view of a newer tensor.
    pub fn at(&self, state: usize) -> Self {
        Self { state, ..self.clone() }
    }

    /// The sizes of the sample's parts.
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The number of values.
    pub fn count(&self) -> usize {
        self.sizes.iter().product()
    }

    /// The parts that these axes are made of.
    pub fn memory(&self, axes: &[usize]) -> Vec<usize> {
        axes.iter().filter_map(|axis| self.axes.get(*axis)).flatten().copied().collect()
    }

    /// The sizes of these axes.
    pub fn shape(&self, axes: &[usize]) -> Vec<usize> {
        let size =
            |axis: &usize| self.memory(&[*axis]).iter().map(|part| self.sizes[*part]).product();
        axes.iter().map(size).collect()
    }

    /// The shape of the file's tensor.
    pub fn dims(&self) -> Vec<usize> {
        self.shape(&(0..self.axes.len()).collect::<Vec<_>>())
    }

    /// The first parts, whose product is `size`.
    pub fn first_axes(&self, size: usize) -> Vec<usize> {
        let mut product = 1;
        (0..self.sizes.len())
            .take_while(|part| {
                let more = product < size;
                product *= self.sizes[*part];
                more
            })
            .collect()
    }

    /// Another order of the parts in memory: `order` are the present ones.
    pub fn reordered(&self, order: &[usize]) -> Self {
        let mut to = vec![0; self.sizes.len()];
        for (new, old) in order.iter().enumerate() {
            to[*old] = new;
        }
        let moved = |axis: &Vec<usize>| axis.iter().map(|part| to[*part]).collect();
        Self {
            sizes: order.iter().map(|part| self.sizes[*part]).collect(),
            axes: self.axes.iter().map(moved).collect(),
            state: self.state,
        }
    }

    /// Axis i is axis `axes[i]` of this one.
    pub fn transposed(&self, axes: &[usize]) -> Step {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.axes.len()) {
            return Err(format!("the axes {axes:?} of a tensor of {} axes", self.axes.len()).into());
        }
        Ok(Self {
            axes: axes.iter().map(|axis| self.axes[*axis].clone()).collect(),
            ..self.clone()
        })
    }

    /// The same values, in the order of the file, in another shape.
    pub fn reshaped(&self, dims: &[usize]) -> Step {
        check(dims)?;
        let fail = || Fault::from(format!("the shape {:?} does not become {dims:?}", self.dims()));
        if dims.iter().product::<usize>() != self.count() {
            return Err(fail());
        }
        let order: Vec<usize> = self.axes.iter().flatten().copied().collect();
        if order.len() == self.sizes.len() && order.iter().copied().eq(0..order.len()) {
            return Self::new(dims, self.state);
        }
        let mut view = Self { axes: vec![order], ..self.clone() };
        let mut place = 0;
        let mut axes = Vec::new();
        for size in dims {
            let start = place;
            let mut rest = *size;
            while rest > 1 {
                let part = *view.axes[0].get(place).ok_or_else(fail)?;
                let n = view.sizes[part];
                if rest.is_multiple_of(n) {
                    rest /= n;
                } else if n.is_multiple_of(rest) {
                    view.split(part, rest);
                    rest = 1;
                } else {
                    return Err(Fault::from(format!(
                        "the shape {:?} becomes {dims:?} across axes that lie in another order",
                        self.dims()
                    )));
                }
                place += 1;
            }
            axes.push(start..place);
        }
        let order = view.axes.remove(0);
        view.axes = axes.into_iter().map(|range| order[range].to_vec()).collect();
        Ok(view)
    }

    /// Cuts a part in two, of which the slower has the size `slow`. It is for a view of one axis.
    fn split(&mut self, part: usize, slow: usize) {
        let fast = self.sizes[part] / slow;
        self.sizes[part] = slow;
        self.sizes.insert(part + 1, fast);
        for axis in &mut self.axes {
            for other in axis.iter_mut().filter(|other| **other > part) {
                *other += 1;
            }
            if let Some(place) = axis.iter().position(|other| *other == part) {
                axis.insert(place + 1, part + 1);
            }
        }
    }

    /// Without these axes, or without all of the size 1.
    pub fn squeezed(&self, axes: Option<&[usize]>) -> Step {
        if let Some(axes) = axes
            && axes.iter().any(|axis| self.axes.get(*axis).is_none_or(|parts| !parts.is_empty()))
        {
            return Err(
                format!("the axes {axes:?} of {:?} are not of the size 1", self.dims()).into()
            );
        }
        let stays = |axis: usize| match axes {
            Some(axes) => !axes.contains(&axis),
            None => !self.axes[axis].is_empty(),
        };
        let axes = (0..self.axes.len()).filter(|axis| stays(*axis));
        Ok(Self { axes: axes.map(|axis| self.axes[axis].clone()).collect(), ..self.clone() })
    }

    /// With further axes of the size 1, at these places of the result.
    pub fn unsqueezed(&self, places: &[usize]) -> Step {
        let rank = self.axes.len() + places.len();
        let mut sorted = places.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if rank > RANK || sorted.len() != places.len() || sorted.last().is_some_and(|n| *n >= rank)
        {
            return Err(format!("new axes {places:?} of a tensor {:?}", self.dims()).into());
        }
        let mut old = self.axes.iter();
        let axes = (0..rank).map(|axis| {
            if sorted.contains(&axis) { vec![] } else { old.next().cloned().unwrap_or_default() }
        });
        Ok(Self { axes: axes.collect(), ..self.clone() })
    }
}

fn check(dims: &[usize]) -> Result<(), Fault> {
    if dims.len() > RANK {
        return Err(format!("a tensor of {} axes; {RANK} at most", dims.len()).into());
    }
    let size = dims.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
    if size.is_none_or(|size| size == 0 || size > MOST) {
        return Err(format!("a tensor of the shape {dims:?} is empty or too large").into());
    }
    Ok(())
}
