//! A graph as an SVG picture: boxes in layers, from the leaves on the left to the output on the
//! right.

use super::{Entry, Graph, Operation, number::Number, print::width};
use core::fmt::{self, Write as _};
use heapless::Vec;

// Lengths are whole pixels, because printing an f32 could panic.
/// Height of a box; height of a box with the gap below it.
const BOX: i32 = 58;
const PITCH: i32 = 76;
/// Tenths of a character's width.
const CHARACTER: i32 = 74;
/// Space around text, between layers and around the picture.
const PAD: i32 = 20;
const GAP: i32 = 56;
const MARGIN: i32 = 16;
/// Height of the line below the boxes.
const LEGEND: i32 = 18;
const VALUE: &str = "#1a5276";
const GRADIENT: &str = "#b2182b";

/// A graph as a picture; [`Graph::svg`].
pub struct Svg<'a, const N: usize>(&'a Graph<N>);

impl<const N: usize> Graph<N> {
    /// The graph as an SVG picture. Each box holds name, operation, value (blue) and gradient
    /// (red). An arrow goes from an input to its user.
    ///
    /// The layout uses 16 bytes a node on the stack.
    #[must_use]
    pub const fn svg(&self) -> Svg<'_, N> {
        Svg(self)
    }
}

/// Where a node is drawn.
#[derive(Clone, Copy)]
struct Place {
    /// The length of the longest path from a leaf. A leaf stands in the layer before its first user
    layer: u16,
    /// The middle of its box
    y: i32,
}

/// The position that a node should have, and its index.
type Wish = (i32, u16);

/// Where each node is drawn.
fn places<const N: usize>(graph: &Graph<N>) -> Vec<Place, N> {
    let mut places = Vec::<Place, N>::new();
    for (_, entry) in graph.entries() {
        let layer = entry
            .inputs()
            .iter()
            .map(|i| at(&places, usize::from(*i)).layer.saturating_add(1))
            .max()
            .unwrap_or(0);
        // There is room: there are at most N.
        let _ = places.push(Place { layer, y: 0 });
    }
    late_leaves(graph, &mut places);
    let mut wishes = Vec::<Wish, N>::new();
    // From the output back: a node should stand at the mean of the ends of its arrows.
    for layer in (0..layers(&places)).rev() {
        wishes.clear();
        for (i, _) in graph.entries().filter(|(i, _)| at(&places, *i).layer == layer) {
            let (mut ends, mut users) = (0, 0);
            for (user, entry) in graph.entries() {
                for (k, _) in
                    entry.inputs().iter().enumerate().filter(|(_, input)| usize::from(**input) == i)
                {
                    ends += at(&places, user).y + port(entry, k);
                    users += 1;
                }
            }
            insert(&mut wishes, (mean(ends, users), i as u16));
        }
        spread(&wishes, &mut places);
    }
    places
}

fn at(places: &[Place], i: usize) -> Place {
    places.get(i).copied().unwrap_or(Place { layer: 0, y: 0 })
}

/// The number of layers.
fn layers(places: &[Place]) -> u16 {
    places.iter().map(|place| place.layer.saturating_add(1)).max().unwrap_or(0)
}

/// sum / n; 0 for n = 0.
fn mean(sum: i32, n: i32) -> i32 {
    sum.checked_div(n).unwrap_or(0)
}

/// The distance from the middle of a box at which the arrow of input `k` ends: the first above the
/// second.
fn port(entry: Entry, k: usize) -> i32 {
    if entry.operation.arity() < 2 { 0 } else { 24 * k as i32 - 12 }
}

/// Moves each leaf to the layer before its first user.
fn late_leaves<const N: usize>(graph: &Graph<N>, places: &mut [Place]) {
    for (i, _) in graph.entries().filter(|(_, entry)| entry.operation.arity() == 0) {
        let uses = |entry: &Entry| entry.inputs().iter().any(|input| usize::from(*input) == i);
        let first = graph
            .entries()
            .filter(|(_, entry)| uses(entry))
            .map(|(user, _)| at(places, user).layer)
            .min();
        if let (Some(first), Some(place)) = (first, places.get_mut(i)) {
            place.layer = first.saturating_sub(1);
        }
    }
}

/// Inserts into the sorted `wishes`, after equal ones.
fn insert<const N: usize>(wishes: &mut Vec<Wish, N>, new: Wish) {
    // There is room: there are at most N.
    let _ = wishes.push(new);
    let mut carried = new;
    let after = wishes.iter().position(|wish| wish.0 > new.0).unwrap_or(wishes.len());
    for wish in wishes.iter_mut().skip(after) {
        core::mem::swap(wish, &mut carried);
    }
}

/// Stacks the nodes of a layer, so that their mean position is the mean of their wishes.
fn spread(wishes: &[Wish], places: &mut [Place]) {
    let mut y = i32::MIN / 2;
    let mut shift = 0i32;
    for (wish, i) in wishes {
        y = (*wish).max(y + PITCH);
        // It would overflow with thousands of nodes in one layer.
        shift = shift.saturating_add(wish - y);
        if let Some(place) = places.get_mut(usize::from(*i)) {
            place.y = y;
        }
    }
    let shift = mean(shift, wishes.len() as i32);
    for (_, i) in wishes {
        if let Some(place) = places.get_mut(usize::from(*i)) {
            place.y += shift;
        }
    }
}

/// Text inside XML.
struct Escaped<T>(T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl fmt::Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '&' => self.0.write_str("&amp;"),
                    '<' => self.0.write_str("&lt;"),
                    '>' => self.0.write_str("&gt;"),
                    // XML does not allow control characters.
                    c if c.is_control() => self.0.write_char(' '),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

/// The title of a box: the name and the operation.
struct Title(Entry);

impl fmt::Display for Title {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(entry) = *self;
        if entry.name.is_empty() {
            write!(f, "{}", entry.operation)
        } else {
            write!(f, "{}: {}", entry.name(), entry.operation)
        }
    }
}

impl<const N: usize> fmt::Display for Svg<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let graph = self.0;
        let places = places(graph);
        let longest = graph
            .entries()
            .map(|(_, entry)| width(Title(entry)))
            .max()
            .unwrap_or(0)
            .clamp(14, 1000);
        let wide = longest as i32 * CHARACTER / 10 + PAD;
        let top = places.iter().map(|place| place.y).min().unwrap_or(0) - BOX / 2;
        let bottom = places.iter().map(|place| place.y).max().unwrap_or(0) + BOX / 2;
        let x = |i: usize| MARGIN + i32::from(at(&places, i).layer) * (wide + GAP);
        let y = |i: usize| MARGIN + at(&places, i).y - top;

        let (full, height) = (
            2 * MARGIN + (i32::from(layers(&places)) * (wide + GAP) - GAP).max(wide),
            2 * MARGIN + bottom - top + LEGEND,
        );
        write!(f, r#"<svg xmlns="http://www.w3.org/2000/svg" width="{full}" height="{height}" "#)?;
        writeln!(f, r#"viewBox="0 0 {full} {height}" font-family="monospace" font-size="12">"#)?;
        f.write_str(
            "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
             markerHeight=\"8\" orient=\"auto\">",
        )?;
        f.write_str("<path d=\"M0 0 8 4 0 8z\" fill=\"#777\"/></marker></defs>\n")?;
        f.write_str("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n")?;
        for (i, entry) in graph.entries() {
            for (k, input) in entry.inputs().iter().enumerate() {
                let from = usize::from(*input);
                let (x0, y0, x1, y1) = (x(from) + wide, y(from), x(i), y(i) + port(entry, k));
                let bend = GAP / 2;
                write!(
                    f,
                    r#"<path d="M{x0} {y0}C{} {y0} {} {y1} {x1} {y1}" "#,
                    x0 + bend,
                    x1 - bend
                )?;
                f.write_str("fill=\"none\" stroke=\"#777\" marker-end=\"url(#tip)\"/>\n")?;
            }
        }
        for (i, entry) in graph.entries() {
            let fill = match entry.operation {
                Operation::Parameter => "#fff3d6",
                Operation::Input => "#e3f0fb",
                Operation::Constant => "#f1f1f1",
                _ => "#ffffff",
            };
            let (left, above, middle) = (x(i), y(i) - BOX / 2, x(i) + wide / 2);
            write!(f, r#"<rect x="{left}" y="{above}" width="{wide}" height="{BOX}" rx="5" "#)?;
            writeln!(f, r##"fill="{fill}" stroke="#333"/>"##)?;
            f.write_str("<g text-anchor=\"middle\">")?;
            writeln!(
                f,
                r#"<text x="{middle}" y="{}">{}</text>"#,
                above + 17,
                Escaped(Title(entry))
            )?;
            for (number, color, below) in [(entry.value, VALUE, 33), (entry.gradient, GRADIENT, 49)]
            {
                let number = Number(number, 4);
                writeln!(
                    f,
                    r#"<text x="{middle}" y="{}" fill="{color}">{number}</text>"#,
                    above + below
                )?;
            }
            f.write_str("</g>\n")?;
        }
        write!(
            f,
            r#"<text x="{MARGIN}" y="{}"><tspan fill="{VALUE}">value</tspan> "#,
            height - MARGIN
        )?;
        writeln!(f, r#"<tspan fill="{GRADIENT}">gradient</tspan></text>"#)?;
        f.write_str("</svg>\n")
    }
}
