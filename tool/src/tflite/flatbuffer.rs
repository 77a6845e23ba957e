//! Reads FlatBuffers: tables, vectors and strings, with a check of each offset.
//!
//! A table begins with the distance to its vtable, which lists where its fields are; 0 stands for a
//! default. References are distances forward. Nothing is copied and nothing recursive is followed,
//! so a reader takes no more time than the accesses that it makes. The official crate's generated
//! code would need `unsafe`, which this project has only in its kernels.

use crate::flow::{Fault, Step};

/// A table in a file.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    file: &'a [u8],
    at: usize,
    fields: &'a [u8],
}

/// A vector in a file.
#[derive(Clone, Copy, Debug)]
pub struct Vector<'a> {
    file: &'a [u8],
    start: usize,
    len: usize,
}

fn damaged() -> Fault {
    "the file is damaged: an offset or a length points behind its end".into()
}

fn take<const N: usize>(file: &[u8], at: usize) -> Step<[u8; N]> {
    file.get(at..).and_then(|rest| rest.first_chunk()).copied().ok_or_else(damaged)
}

/// What the reference at `at` points to.
fn follow(file: &[u8], at: usize) -> Step<usize> {
    let distance = u32::from_le_bytes(take(file, at)?) as usize;
    at.checked_add(distance).filter(|at| *at < file.len()).ok_or_else(damaged)
}

impl<'a> Table<'a> {
    /// The root of a file.
    pub fn root(file: &'a [u8]) -> Step<Self> {
        Self::new(file, follow(file, 0)?)
    }

    fn new(file: &'a [u8], at: usize) -> Step<Self> {
        let distance = i64::from(i32::from_le_bytes(take(file, at)?));
        let vtable = usize::try_from(at as i64 - distance).map_err(|_| damaged())?;
        let size = usize::from(u16::from_le_bytes(take(file, vtable)?));
        let end = vtable.checked_add(size).ok_or_else(damaged)?;
        let fields = file.get(vtable..end).and_then(|it| it.get(4..)).ok_or_else(damaged)?;
        Ok(Self { file, at, fields })
    }

    /// Where field `n` is, if it is not the default.
    fn field(&self, n: usize) -> Option<usize> {
        let offset = self.fields.get(2 * n..)?.first_chunk().copied().map(u16::from_le_bytes)?;
        (offset != 0).then(|| self.at + usize::from(offset))
    }

    fn number<const N: usize>(&self, n: usize) -> Step<[u8; N]> {
        self.field(n).map_or(Ok([0; N]), |at| take(self.file, at))
    }

    /// A byte; 0 is the default, as of the following.
    pub fn u8(&self, n: usize) -> Step<u8> {
        self.number(n).map(|[byte]| byte)
    }

    /// A whole number.
    pub fn i32(&self, n: usize) -> Step<i32> {
        self.number(n).map(i32::from_le_bytes)
    }

    /// A whole number with this default.
    pub fn i32_or(&self, n: usize, default: i32) -> Step<i32> {
        if self.field(n).is_some() { self.i32(n) } else { Ok(default) }
    }

    /// A whole number that is not negative.
    pub fn u32(&self, n: usize) -> Step<u32> {
        self.number(n).map(u32::from_le_bytes)
    }

    /// A long one.
    pub fn u64(&self, n: usize) -> Step<u64> {
        self.number(n).map(u64::from_le_bytes)
    }

    /// A real number.
    pub fn f32(&self, n: usize) -> Step<f32> {
        self.number(n).map(f32::from_le_bytes)
    }

    /// A table, if the field is there.
    pub fn table(&self, n: usize) -> Step<Option<Table<'a>>> {
        self.field(n).map(|at| Self::new(self.file, follow(self.file, at)?)).transpose()
    }

    /// A vector whose elements have `size` bytes; without the field an empty one.
    pub fn vector(&self, n: usize, size: usize) -> Step<Vector<'a>> {
        let Some(at) = self.field(n) else {
            return Ok(Vector { file: self.file, start: 0, len: 0 });
        };
        let at = follow(self.file, at)?;
        let len = u32::from_le_bytes(take(self.file, at)?) as usize;
        let start = at + 4;
        let end = len.checked_mul(size).and_then(|bytes| bytes.checked_add(start));
        end.filter(|end| *end <= self.file.len()).ok_or_else(damaged)?;
        Ok(Vector { file: self.file, start, len })
    }

    /// Bytes.
    pub fn bytes(&self, n: usize) -> Step<&'a [u8]> {
        let Vector { file, start, len } = self.vector(n, 1)?;
        file.get(start..start + len).ok_or_else(damaged)
    }

    /// Text, the beginning of it if it is long.
    pub fn text(&self, n: usize) -> Step<String> {
        let bytes = self.bytes(n)?;
        Ok(String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned())
    }

    /// Whole numbers, `most` at most.
    pub fn i32s(&self, n: usize, most: usize) -> Step<Vec<i32>> {
        let vector = self.vector(n, 4)?;
        if vector.len > most {
            return Err(format!("{} numbers where {most} at most are expected", vector.len).into());
        }
        let number = |i| take(vector.file, vector.start + 4 * i).map(i32::from_le_bytes);
        (0..vector.len).map(number).collect()
    }
}

impl<'a> Vector<'a> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Table `i` of a vector of tables.
    pub fn table(&self, i: usize) -> Step<Table<'a>> {
        if i >= self.len {
            return Err(format!("number {i} of {} is asked for", self.len).into());
        }
        Table::new(self.file, follow(self.file, self.start + 4 * i)?)
    }
}
