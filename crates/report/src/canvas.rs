//! Drawing in logical pixels with plotters' SVG backend, in colours a style sheet can replace.
//!
//! The backend works in whole pixels, so everything is drawn four times as large and the view box
//! scales it back: the bytes hold integers only and don't depend on a platform's floats.

use clawsig_schema::hostile::printable;
use plotters::{
    coord::{
        combinators::{IntoLogRange, LogCoord},
        ranged1d::Ranged,
        types::RangedCoordf64,
    },
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Drawn pixels a logical pixel.
const SCALE: f64 = 4.0;
/// Text, axes.
pub(crate) const INK: RGBColor = RGBColor(0x1F, 0x23, 0x28);
/// Secondary text.
pub(crate) const MUTED: RGBColor = RGBColor(0x59, 0x63, 0x6E);
/// Grid lines and empty marks.
pub(crate) const GRID: RGBColor = RGBColor(0xD1, 0xD9, 0xE0);
/// Okabe and Ito's blue.
pub(crate) const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xB2);
/// Okabe and Ito's vermilion.
pub(crate) const VERMILION: RGBColor = RGBColor(0xD5, 0x5E, 0x00);
/// Series colours: Okabe and Ito's palette without yellow, which is faint on paper.
pub(crate) const SERIES: [RGBColor; 6] = [
    BLUE,
    VERMILION,
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
];
/// A heat map's steps (ColorBrewer's Blues), the same in dark mode, with their own text colours.
pub(crate) const HEAT: [RGBColor; 7] = [
    RGBColor(0xF7, 0xFB, 0xFF),
    RGBColor(0xDE, 0xEB, 0xF7),
    RGBColor(0xC6, 0xDB, 0xEF),
    RGBColor(0x9E, 0xCA, 0xE1),
    RGBColor(0x6B, 0xAE, 0xD6),
    RGBColor(0x21, 0x71, 0xB5),
    RGBColor(0x08, 0x51, 0x9C),
];
/// A heat map's cell below zero.
pub(crate) const HEAT_NEGATIVE: RGBColor = RGBColor(0xFD, 0xD0, 0xA2);
/// A heat map's undefined cell.
pub(crate) const HEAT_UNDEFINED: RGBColor = RGBColor(0xE7, 0xE9, 0xEC);
/// Text on a pale cell.
pub(crate) const ON_PALE: RGBColor = RGBColor(0x10, 0x24, 0x3A);
/// Text on a deep cell.
pub(crate) const ON_DEEP: RGBColor = RGBColor(0xFE, 0xFE, 0xFE);

/// Rules that give the drawn colours their dark form: what the file's attributes say holds where
/// no style sheet is read.
pub(crate) const DARK_COLOURS: &[(&str, &str)] = &[
    ("#1F2328", "#E6EDF3"),
    ("#59636E", "#A3ADB8"),
    ("#D1D9E0", "#414A54"),
    ("#0072B2", "#5BB0E8"),
    ("#D55E00", "#FF8A3D"),
    ("#009E73", "#35D0A2"),
    ("#CC79A7", "#E59CC4"),
    ("#E69F00", "#F5BC42"),
    ("#56B4E9", "#8CCDF5"),
];

pub(crate) type Failed = DrawingAreaErrorKind<std::io::Error>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Where a text's own point lies.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing surface in logical pixels, the origin at the upper left.
pub(crate) struct Canvas<'a> {
    area: Area<'a>,
}

fn px(value: f64) -> i32 {
    (value * SCALE).round() as i32
}

fn at((x, y): (f64, f64)) -> (i32, i32) {
    (px(x), px(y))
}

impl Canvas<'_> {
    /// Fills a rectangle given by two corners.
    pub(crate) fn rect(
        &self,
        a: (f64, f64),
        b: (f64, f64),
        colour: RGBColor,
    ) -> Result<(), Failed> {
        self.area.draw(&Rectangle::new([at(a), at(b)], colour.filled()))
    }

    /// Outlines a rectangle.
    pub(crate) fn frame(
        &self,
        a: (f64, f64),
        b: (f64, f64),
        colour: RGBColor,
        width: f64,
    ) -> Result<(), Failed> {
        self.path(&[a, (b.0, a.1), b, (a.0, b.1), a], colour, width)
    }

    /// Draws a line through points.
    pub(crate) fn path(
        &self,
        points: &[(f64, f64)],
        colour: RGBColor,
        width: f64,
    ) -> Result<(), Failed> {
        let points: Vec<(i32, i32)> = points.iter().copied().map(at).collect();
        self.area.draw(&PathElement::new(points, colour.stroke_width(px(width).max(1) as u32)))
    }

    /// Draws a straight line in dashes of 5 pixels.
    pub(crate) fn dashes(
        &self,
        a: (f64, f64),
        b: (f64, f64),
        colour: RGBColor,
    ) -> Result<(), Failed> {
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        let pieces = ((length / 10.0).ceil() as u32).clamp(1, 200);
        for piece in 0..pieces {
            let point = |part: f64| {
                let share = (f64::from(piece) + part) / f64::from(pieces);
                (a.0 + (b.0 - a.0) * share, a.1 + (b.1 - a.1) * share)
            };
            self.path(&[point(0.0), point(0.5)], colour, 1.25)?;
        }
        Ok(())
    }

    /// Fills a circle.
    pub(crate) fn dot(
        &self,
        centre: (f64, f64),
        radius: f64,
        colour: RGBColor,
    ) -> Result<(), Failed> {
        self.area.draw(&Circle::new(at(centre), px(radius), colour.filled()))
    }

    /// Writes a text of `size` pixels, vertically centred on its point. The text is made
    /// printable and cut; the backend escapes its markup.
    pub(crate) fn text(
        &self,
        text: &str,
        point: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: RGBColor,
    ) -> Result<(), Failed> {
        self.write(text, point, size, anchor, colour, FontTransform::None)
    }

    /// Writes a text that reads upwards.
    pub(crate) fn upward(&self, text: &str, point: (f64, f64), size: f64) -> Result<(), Failed> {
        self.write(text, point, size, Anchor::Middle, MUTED, FontTransform::Rotate270)
    }

    fn write(
        &self,
        text: &str,
        point: (f64, f64),
        size: f64,
        anchor: Anchor,
        colour: RGBColor,
        turn: FontTransform,
    ) -> Result<(), Failed> {
        if text.is_empty() {
            return Ok(());
        }
        let horizontal = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // The backend divides a font's size by 1.24 on its way into the file.
        let style = ("sans-serif", size * SCALE * 1.24)
            .into_font()
            .transform(turn)
            .color(&colour)
            .pos(Pos::new(horizontal, VPos::Center));
        self.area.draw(&Text::new(printable(text, 60), at(point), style))
    }
}

/// Draws one figure of this size in logical pixels; returns the SVG's elements without their root.
pub(crate) fn draw(
    size: (f64, f64),
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), Failed>,
) -> Result<Drawing, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (px(size.0) as u32, px(size.1) as u32))
            .into_drawing_area();
        let canvas = Canvas { area };
        paint(&canvas).map_err(|error| error.to_string())?;
        canvas.area.present().map_err(|error| error.to_string())?;
    }
    // The backend writes its root element on the first line and closes it at the end.
    let body = svg.split_once('\n').map_or("", |(_, rest)| rest);
    let body = body.trim_end().strip_suffix("</svg>").unwrap_or(body);
    let body = body.replace(" opacity=\"1\"", "").replace("\n</text>", "</text>");
    // The backend also writes a line break before a text, which a viewer would show as a blank.
    let mut tidy = String::with_capacity(body.len());
    for line in body.lines() {
        tidy.push_str(line);
        if !line.starts_with("<text") || line.ends_with("</text>") {
            tidy.push('\n');
        }
    }
    Ok(Drawing { size, body: tidy })
}

/// A figure's elements and their size.
pub(crate) struct Drawing {
    size: (f64, f64),
    body: String,
}

impl Drawing {
    /// The SVG with its text alternative; `style` goes into a `<style>` element.
    pub(crate) fn svg(&self, name: &str, title: &str, alt: &str, style: &str) -> String {
        let (width, height) = (px(self.size.0), px(self.size.1));
        let style =
            if style.is_empty() { String::new() } else { format!("<style>{style}</style>\n") };
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{}\" height=\"{}\" class=\"figure\" role=\"img\" \
             aria-labelledby=\"{name}-t {name}-d\" font-family=\"sans-serif\">\n\
             <title id=\"{name}-t\">{}</title>\n<desc id=\"{name}-d\">{}</desc>\n{style}{}</svg>\n",
            self.size.0,
            self.size.1,
            escaped(title),
            escaped(alt),
            self.body
        )
    }
}

/// The text with its markup escaped, for an XML element or attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text, 2_000).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// The dark colours as CSS rules for the elements below `scope`.
pub(crate) fn dark_rules(scope: &str) -> String {
    DARK_COLOURS
        .iter()
        .map(|(light, dark)| {
            format!(
                "{scope} [fill=\"{light}\"]{{fill:{dark}}}{scope} \
                 [stroke=\"{light}\"]{{stroke:{dark}}}"
            )
        })
        .collect()
}

/// A numeric axis: plotters' coordinates choose the ticks and place the values.
pub(crate) struct Axis {
    coordinates: Coordinates,
    pixels: (f64, f64),
    ticks: usize,
}

enum Coordinates {
    Linear(RangedCoordf64),
    Log(LogCoord<f64>),
}

impl Axis {
    /// A linear axis over `values`, drawn from the first of `pixels` to the second.
    pub(crate) fn linear(values: (f64, f64), pixels: (f64, f64), ticks: usize) -> Axis {
        let end = if values.1 > values.0 { values.1 } else { values.0 + 1.0 };
        Axis { coordinates: Coordinates::Linear((values.0..end).into()), pixels, ticks }
    }

    /// A logarithmic axis from 1 to at least `top`.
    pub(crate) fn log(top: f64, pixels: (f64, f64)) -> Axis {
        let decades = top.max(10.0).log10().ceil();
        let range = (1.0..10f64.powf(decades)).log_scale();
        Axis { coordinates: Coordinates::Log(range.into()), pixels, ticks: decades as usize + 1 }
    }

    /// The pixel of a value.
    pub(crate) fn place(&self, value: f64) -> f64 {
        // Mapped to a fine integer scale first: the coordinates speak whole pixels.
        const FINE: i32 = 100_000;
        let mapped = match &self.coordinates {
            Coordinates::Linear(range) => range.map(&value, (0, FINE)),
            Coordinates::Log(range) => range.map(&value.max(1.0), (0, FINE)),
        };
        let share = (f64::from(mapped) / f64::from(FINE)).clamp(0.0, 1.0);
        self.pixels.0 + (self.pixels.1 - self.pixels.0) * share
    }

    /// The values to mark.
    pub(crate) fn marks(&self) -> Vec<f64> {
        match &self.coordinates {
            Coordinates::Linear(range) => range.key_points(self.ticks),
            Coordinates::Log(_) => (0..self.ticks as i32).map(|n| 10f64.powi(n)).collect(),
        }
    }
}
