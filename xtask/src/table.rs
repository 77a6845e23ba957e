//! Aligned tables for the terminal.

use comfy_table::{CellAlignment, Table, presets};

/// A table with a header line. The columns `numbers` are right-aligned.
pub fn table(
    header: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    numbers: impl IntoIterator<Item = usize>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for number in numbers {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
