//! Rosenblatt's own format: the byte table in the documentation of `rosenblatt::saved`.

mod record;

use crate::model::{Builder, MOST, Model};
use anyhow::{Context, Result, bail, ensure};
use record::Record;
use rosenblatt_kernels::contract;

/// The first bytes of every file.
pub const MAGIC: [u8; 8] = *b"\x89RSB\r\n\x1a\n";
/// The version of the format.
const VERSION: u16 = 1;
/// Words of the header.
const HEADER: usize = 12;
const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Model, or checkpoint of a trainer or a run
    pub holds: Holds,
    /// The version of the numeric contract
    pub contract: u32,
    /// The hash of the architecture
    pub architecture: u64,
    /// The size of the file
    pub bytes: usize,
    /// Number of words of a checkpoint's state
    pub state: usize,
    /// The checksum
    pub checksum: u32,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A model
    Model,
    /// A network and its trainer between two steps
    Trainer,
    /// The same in the middle of a training
    Run,
}

/// Reads a saved model, or the network of a checkpoint.
/// # Errors
/// Names what is wrong with the bytes.
pub fn read(bytes: &[u8]) -> Result<(Header, Model)> {
    let word = |at: usize| {
        let word = bytes.get(4 * at..).and_then(|rest| rest.first_chunk::<4>());
        word.map(|word| u32::from_le_bytes(*word))
    };
    ensure!(bytes.starts_with(&MAGIC), "the first bytes are not those of a saved model");
    let mut words = [0; HEADER];
    for (at, to) in words.iter_mut().enumerate() {
        *to = word(at)
            .with_context(|| format!("the file has {} bytes, less than its header", bytes.len()))?;
    }
    let [_, _, version, contract, low, high, size, records, params, buffers, state, _] = words;
    ensure!(
        version as u16 == VERSION,
        "version {} of the format; version {VERSION} is expected",
        version as u16
    );
    let holds = match version >> 16 {
        1 => Holds::Model,
        2 => Holds::Trainer,
        3 => Holds::Run,
        kind => bail!("kind {kind}; 1 (model), 2 or 3 (checkpoints) are expected"),
    };
    ensure!(
        size as usize == bytes.len(),
        "the file has {} bytes; its header says {size}",
        bytes.len()
    );
    let [records, params, buffers, state] = [records, params, buffers, state].map(|n| n as usize);
    ensure!(
        records.max(params).max(buffers).max(state) <= MOST,
        "the header states too many words"
    );
    let params_at = padded(4 * (HEADER + records));
    let buffers_at = padded(params_at + 4 * params);
    let state_at = padded(buffers_at + 4 * buffers);
    let end = padded(state_at + 4 * state);
    ensure!(
        end + 4 == bytes.len(),
        "the parts that the header states take {} bytes; the file has {}",
        end + 4,
        bytes.len()
    );
    let (found, stated) = (CRC.checksum(&bytes[..end]), word(end / 4).unwrap_or_default());
    ensure!(found == stated, "the checksum is {found:08x}; the file says {stated:08x}");

    let words: Vec<u32> = (HEADER..HEADER + records).filter_map(word).collect();
    let mut model = layers(&words)?;
    let hash = architecture(&model);
    let stated_hash = u64::from(low) | u64::from(high) << 32;
    ensure!(
        hash == stated_hash,
        "the records have the hash {hash:016x}; the header says {stated_hash:016x}"
    );
    let values = |at: usize, n: usize| (at / 4..at / 4 + n).filter_map(word).map(f32::from_bits);
    let (mut learnt, mut moving) = (values(params_at, params), values(buffers_at, buffers));
    for layer in &mut model.layers {
        layer.params.iter_mut().zip(&mut learnt).for_each(|(to, value)| *to = value);
        layer.buffers.iter_mut().zip(&mut moving).for_each(|(to, value)| *to = value);
    }
    let sizes = (model.params(), model.layers.iter().map(|layer| layer.buffers.len()).sum());
    ensure!(
        sizes == (params, buffers),
        "the layers have {} parameters and {} other values; the header says {params} and {buffers}",
        sizes.0,
        sizes.1
    );
    model.check_finite()?;
    let bytes = bytes.len();
    Ok((Header { holds, contract, architecture: hash, bytes, state, checksum: stated }, model))
}

/// The layers of some records, one after the other. Their values are zeros.
/// # Errors
/// Names all that are not layers of the library, or do not fit.
pub fn layers(mut words: &[u32]) -> Result<Model> {
    let mut builder = Builder::new(None);
    while let Some(first) = words.first() {
        let len = *first as usize;
        let within = (1..=words.len()).contains(&len);
        ensure!(within, "the record of layer {} has {len} words", builder.layers_so_far());
        let (record, rest) = words.split_at(len);
        Record::parse(record).add(&mut builder);
        words = rest;
    }
    builder.finish()
}

/// Writes a saved model: the bytes of `Sequential::save` of the same network.
/// # Errors
/// For values that are not finite, and for a file of 4 GiB or more.
pub fn write(model: &Model) -> Result<Vec<u8>> {
    model.check_finite()?;
    let records: Vec<Vec<u32>> = model.layers.iter().map(record::words).collect();
    let words: usize = records.iter().map(Vec::len).sum();
    let buffers: usize = model.layers.iter().map(|layer| layer.buffers.len()).sum();
    let params_at = padded(4 * (HEADER + words));
    let buffers_at = padded(params_at + 4 * model.params());
    let end = padded(buffers_at + 4 * buffers);
    let size = u32::try_from(end + 4).context("the file would have 4 GiB or more")?;
    let hash = architecture(model);
    let mut bytes = MAGIC.to_vec();
    for word in [
        u32::from(VERSION) | 1 << 16,
        contract::VERSION,
        hash as u32,
        (hash >> 32) as u32,
        size,
        words as u32,
        model.params() as u32,
        buffers as u32,
        0,
        0,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    records.iter().flatten().for_each(|word| bytes.extend(word.to_le_bytes()));
    bytes.resize(params_at, 0);
    let params = model.layers.iter().flat_map(|layer| &layer.params);
    params.for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes.resize(buffers_at, 0);
    let buffers = model.layers.iter().flat_map(|layer| &layer.buffers);
    buffers.for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes.resize(end, 0);
    bytes.extend(CRC.checksum(&bytes).to_le_bytes());
    Ok(bytes)
}

/// The hash of the layers: `rosenblatt::layer::Architecture::hash`.
pub fn architecture(model: &Model) -> u64 {
    let mut factor = 1u64;
    model.layers.iter().fold(0u64, |all, layer| {
        let hash = record::hash(&record::words(layer)).wrapping_mul(factor);
        factor = factor.wrapping_mul(record::FACTOR);
        all.wrapping_add(hash)
    })
}

/// The next multiple of 16.
const fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(16)
}
