//! A model as a table.

use crate::{files::Found, rust, saved};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;

/// The layers, their shapes and values, and the sizes in memory.
pub fn table(found: &Found) -> String {
    let model = &found.model;
    let mut table = Table::new();
    let header = ["", "layer", "output", "parameters", "least", "greatest", "name"];
    table.load_style(presets::NOTHING).set_header(header);
    for (index, layer) in model.layers.iter().enumerate() {
        let values = || layer.params.iter().chain(&layer.buffers).copied();
        let (least, greatest) = (values().reduce(f32::min), values().reduce(f32::max));
        let shown = |value: Option<f32>| value.map_or(String::new(), |value| format!("{value:.4}"));
        let ty = rust::type_of(layer, rust::Names::Short);
        table.add_row([
            index.to_string(),
            ty,
            format!("{:?}", layer.output),
            count(layer.params.len(), layer.buffers.len()),
            shown(least),
            shown(greatest),
            layer.name.clone(),
        ]);
    }
    for column in [3, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let buffers: usize = model.layers.iter().map(|layer| layer.buffers.len()).sum();
    let params = model.params();
    let bytes = 4 * (params + buffers);
    let mut out = format!("{}\n\n", found.format);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<15}{value}");
    };
    line("input", format!("{:?}", model.input()));
    line("output", format!("{:?}", model.output()));
    line("parameters", format!("{}, {bytes} bytes", count(params, buffers)));
    line("architecture", format!("{:016x}", saved::architecture(model)));
    if let Some(header) = &found.header {
        line("contract", format!("version {}", header.contract));
        line("file", format!("{} bytes, CRC-32 {:08x}", header.bytes, header.checksum));
        if header.state > 0 {
            line("state", format!("{} bytes of a trainer", 4 * header.state));
        }
    }
    let _ = writeln!(out, "\n{}", table.trim_fmt());
    let _ = writeln!(out, "\n{}", rust::net(model, rust::Names::Short));
    for note in &found.notes {
        let _ = writeln!(out, "note: {note}");
    }
    out
}

/// `128`, or `128 + 64` with values that are not learnt.
fn count(params: usize, buffers: usize) -> String {
    if buffers == 0 { params.to_string() } else { format!("{params} + {buffers}") }
}
