//! A graph as an SVG picture: boxes in layers, from the leaves on the left to the output on the right.

use super::{Entry, Graph, Operation, number::Number, print::width};
use core::fmt::{self, Write as _};
use heapless::Vec;

/// Height of a box, and of a box and the gap below it.
const BOX: f32 = 58.0;
const PITCH: f32 = 76.0;
/// Width of a character, of the space around text, and between boxes.
const CHARACTER: f32 = 7.4;
const PAD: f32 = 20.0;
const GAP: f32 = 56.0;
const MARGIN: f32 = 16.0;
/// Height of the line below the boxes.
const LEGEND: f32 = 18.0;

/// Colours.
const VALUE: &str = "#1a5276";
const GRADIENT: &str = "#b2182b";

/// A graph as a picture; [`Graph::svg`].
pub struct Svg<'a, const N: usize>(&'a Graph<N>);

impl<const N: usize> Graph<N> {
    /// The graph as an SVG picture: each box holds name, operation, value (dark) and gradient (red); an arrow goes from an input to its user.
    ///
    /// It is laid out on the stack, in about 20 bytes a node.
    #[must_use]
    pub const fn svg(&self) -> Svg<'_, N> {
        Svg(self)
    }
}

/// Where a node is drawn.
#[derive(Clone, Copy)]
struct Place {
    /// The longest way from a leaf; a leaf stands just before its first user
    layer: u16,
    /// The middle of its box
    y: f32,
}

/// The node's place in the picture.
fn places<const N: usize>(graph: &Graph<N>) -> Vec<Place, N> {
    let mut places = Vec::<Place, N>::new();
    let layer_of = |places: &[Place], i: u16| places.get(usize::from(i)).map_or(0, |place| place.layer);
    for (_, entry) in graph.entries() {
        let layer = entry.inputs().iter().map(|i| layer_of(&places, *i) + 1).max().unwrap_or(0);
        // There are at most N.
        let _ = places.push(Place { layer, y: 0.0 });
    }
    late_leaves(graph, &mut places);
    let last = places.iter().map(|place| place.layer).max().unwrap_or(0);
    // From the output back: a node wants to stand where its users stand on average.
    for layer in (0..=last).rev() {
        let mut wishes = Vec::<(f32, u16), N>::new();
        for (i, place) in places.iter().enumerate().filter(|(_, place)| place.layer == layer) {
            let mut users = (0.0, 0.0);
            for (user, entry) in graph.entries() {
                for (k, _) in entry.inputs().iter().enumerate().filter(|(_, input)| usize::from(**input) == i) {
                    users.0 += places.get(user).map_or(0.0, |place: &Place| place.y) + port(entry, k);
                    users.1 += 1.0;
                }
            }
            let wish = if users.1 > 0.0 { users.0 / users.1 } else { place.y };
            let _ = wishes.push((wish, i as u16));
        }
        wishes.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        spread(&wishes, &mut places);
    }
    places
}

/// How far from the middle of a box the arrow of input `k` arrives: the first above the second.
fn port(entry: Entry, k: usize) -> f32 {
    if entry.operation.arity() < 2 { 0.0 } else { 24.0 * k as f32 - 12.0 }
}

/// Moves each leaf to just before its first user.
fn late_leaves<const N: usize>(graph: &Graph<N>, places: &mut [Place]) {
    for (i, _) in graph.entries().filter(|(_, entry)| entry.operation.arity() == 0) {
        let uses = |entry: &Entry| entry.inputs().iter().any(|input| usize::from(*input) == i);
        let users = graph.entries().filter(|(_, entry)| uses(entry));
        let first = users.filter_map(|(user, _)| places.get(user).map(|place| place.layer)).min();
        if let (Some(first), Some(place)) = (first, places.get_mut(i)) {
            place.layer = first.saturating_sub(1);
        }
    }
}

/// Puts the nodes of a layer one below the other, on average where they want to be.
fn spread(wishes: &[(f32, u16)], places: &mut [Place]) {
    let mut y = f32::NEG_INFINITY;
    let mut shift = 0.0;
    for (wish, i) in wishes {
        y = if *wish > y + PITCH { *wish } else { y + PITCH };
        shift += wish - y;
        if let Some(place) = places.get_mut(usize::from(*i)) {
            place.y = y;
        }
    }
    for (_, i) in wishes {
        if let Some(place) = places.get_mut(usize::from(*i)) {
            place.y += shift / wishes.len() as f32;
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
                    // XML has no place for them.
                    c if c.is_control() => self.0.write_char(' '),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

/// A title: the name and what is computed.
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
        let at = |i: usize| places.get(i).copied().unwrap_or(Place { layer: 0, y: 0.0 });
        let longest = graph.entries().map(|(_, entry)| width(Title(entry))).max().unwrap_or(0).max(14);
        let wide = longest as f32 * CHARACTER + PAD;
        let top = places.iter().map(|place| place.y).fold(f32::INFINITY, f32::min);
        let bottom = places.iter().map(|place| place.y).fold(f32::NEG_INFINITY, f32::max);
        let layers = places.iter().map(|place| place.layer).max().map_or(0, |last| last + 1);
        let (height, top) = if layers == 0 { (0.0, 0.0) } else { (bottom - top + BOX, top - BOX / 2.0) };
        let full = (f32::from(layers) * (wide + GAP) - GAP).max(0.0) + 2.0 * MARGIN;
        let x = |i: usize| MARGIN + f32::from(at(i).layer) * (wide + GAP);
        let y = |i: usize| MARGIN + at(i).y - top;

        let height = height + 2.0 * MARGIN + LEGEND;
        writeln!(
            f,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{full:.0}" height="{height:.0}" viewBox="0 0 {full:.0} {height:.0}" font-family="monospace" font-size="12">"#
        )?;
        f.write_str("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#777\"/></marker></defs>\n")?;
        f.write_str("<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n")?;
        for (i, entry) in graph.entries() {
            for (k, input) in entry.inputs().iter().enumerate() {
                let from = usize::from(*input);
                let end = y(i) + port(entry, k);
                let (x0, x1) = (x(from) + wide, x(i));
                let bend = GAP * 0.5;
                writeln!(
                    f,
                    r##"<path d="M{x0:.1} {:.1}C{:.1} {:.1} {:.1} {end:.1} {x1:.1} {end:.1}" fill="none" stroke="#777" marker-end="url(#tip)"/>"##,
                    y(from),
                    x0 + bend,
                    y(from),
                    x1 - bend,
                )?;
            }
        }
        for (i, entry) in graph.entries() {
            let fill = match entry.operation {
                Operation::Parameter => "#fff3d6",
                Operation::Input => "#e3f0fb",
                Operation::Constant => "#f1f1f1",
                _ => "#ffffff",
            };
            let (left, above, middle) = (x(i), y(i) - BOX / 2.0, x(i) + wide / 2.0);
            writeln!(
                f,
                r##"<rect x="{left:.1}" y="{above:.1}" width="{wide:.1}" height="{BOX:.1}" rx="5" fill="{fill}" stroke="#333"/>"##
            )?;
            writeln!(
                f,
                r#"<g text-anchor="middle"><text x="{middle:.1}" y="{:.1}">{}</text>"#,
                above + 17.0,
                Escaped(Title(entry))
            )?;
            writeln!(
                f,
                r##"<text x="{middle:.1}" y="{:.1}" fill="{VALUE}">{}</text>"##,
                above + 33.0,
                Number(entry.value, 4)
            )?;
            writeln!(
                f,
                r##"<text x="{middle:.1}" y="{:.1}" fill="{GRADIENT}">{}</text></g>"##,
                above + 49.0,
                Number(entry.gradient, 4)
            )?;
        }
        let foot = height - MARGIN;
        writeln!(
            f,
            r##"<text x="{MARGIN}" y="{foot:.1}"><tspan fill="{VALUE}">value</tspan> <tspan fill="{GRADIENT}">gradient</tspan></text>"##
        )?;
        f.write_str("</svg>\n")
    }
}
