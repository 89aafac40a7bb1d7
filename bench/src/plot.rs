//! Lines in an SVG that is read on light and on dark pages, with words for those who do not see it.

use std::fmt::Write as _;

use crate::figure::number;

const WIDTH: f64 = 840.0;
const LEFT: f64 = 84.0;
/// Half of the longest number below the axis.
const RIGHT: f64 = 36.0;
const TOP: f64 = 48.0;
/// Of a panel, and of what is between it and the next.
const HEIGHT: f64 = 260.0;
const GAP: f64 = 64.0;
/// Of a line of the legend.
const LINE: f64 = 20.0;
/// Entries of the legend beside each other.
const COLUMNS: usize = 2;
/// Colours on light pages and on dark ones, told apart by the colour-blind too.
const COLOURS: [(&str, &str); 6] = [
    ("#0060b0", "#66b3ff"),
    ("#b34700", "#ff9d5c"),
    ("#00704f", "#3fd0a0"),
    ("#8a2a78", "#e58fd4"),
    ("#6b5900", "#e0c341"),
    ("#444444", "#bbbbbb"),
];
/// Lines that share a colour are dashed in different ways.
const DASHES: [&str; 4] = ["none", "8 4", "2 3", "10 3 2 3"];

/// A drawing: panels below each other, with the same scale across, which is logarithmic.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    /// For those who do not see it.
    pub(crate) description: String,
    /// What the scale across is of.
    pub(crate) across: String,
    pub(crate) panels: Vec<Panel>,
}

/// Lines over one scale, which begins at zero.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What the scale is of, with its unit.
    pub(crate) up: String,
    pub(crate) series: Vec<Series>,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

impl Chart {
    /// The drawing.
    pub(crate) fn svg(&self) -> String {
        let names: Vec<&str> = self
            .panels
            .first()
            .map_or_else(Vec::new, |panel| panel.series.iter().map(|series| series.name.as_str()).collect());
        let plots: f64 = self.panels.iter().map(|_| HEIGHT + GAP).sum();
        let height = TOP + plots + LINE * count(names.len().div_ceil(COLUMNS)) + LINE;
        let (title, description) = (escaped(&self.title), escaped(&self.description));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
             aria-labelledby=\"title description\">\n<title id=\"title\">{title}</title>\n\
             <desc id=\"description\">{description}</desc>\n<style>\n{}</style>\n\
             <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{title}</text>\n",
            style()
        );
        for (panel, place) in self.panels.iter().zip(0..) {
            self.panel(&mut svg, panel, TOP + f64::from(place) * (HEIGHT + GAP));
        }
        legend(&mut svg, &names, TOP + plots + LINE / 2.0);
        svg.push_str("</svg>\n");
        svg
    }

    fn panel(&self, svg: &mut String, panel: &Panel, top: f64) {
        let (right, bottom) = (WIDTH - RIGHT, top + HEIGHT);
        let places = self.places();
        let (least, most) = (places.first().copied().unwrap_or(1.0), places.last().copied().unwrap_or(1.0));
        let wide = (most / least).ln().max(f64::EPSILON);
        let x = |value: f64| LEFT + (right - LEFT) * (value / least).ln() / wide;
        let values = panel.series.iter().flat_map(|series| &series.points).map(|(_, value)| *value);
        let (step, ticks) = ticks(values.fold(0.0, f64::max));
        let y = |value: f64| bottom - HEIGHT * value / (step * f64::from(ticks));
        for tick in 0..=ticks {
            let value = step * f64::from(tick);
            let (at, text) = (y(value), number(value));
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>");
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            );
        }
        for place in places {
            let (at, text) = (x(place), number(place));
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{at:.1} {top}V{bottom}\"/>");
            let below = bottom + 18.0;
            let _ = writeln!(svg, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{text}</text>");
        }
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{LEFT} {top}V{bottom}H{right}\"/>");
        let (middle, below) = (f64::midpoint(LEFT, right), bottom + 38.0);
        let across = escaped(&self.across);
        let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{across}</text>");
        let (middle, up) = (f64::midpoint(top, bottom), escaped(&panel.up));
        let _ = writeln!(
            svg,
            "<text x=\"20\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 20 {middle})\">{up}</text>"
        );
        for (series, line) in panel.series.iter().zip(0..) {
            let places = series.points.iter().map(|(across, up)| format!("{:.1},{:.1}", x(*across), y(*up)));
            let (places, class) = (places.collect::<Vec<_>>(), class(line));
            let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{}\"/>", places.join(" "));
            for (across, up) in &series.points {
                let (cx, cy) = (x(*across), y(*up));
                let _ = writeln!(svg, "<circle class=\"{class}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\"/>");
            }
        }
    }

    /// Where there are points, from left to right.
    fn places(&self) -> Vec<f64> {
        let series = self.panels.iter().flat_map(|panel| &panel.series);
        let mut places: Vec<f64> =
            series.flat_map(|series| &series.points).map(|(across, _)| *across).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        places
    }
}

fn style() -> String {
    let mut text = String::from(
        "svg { color: #1f2328; font: 12px system-ui, sans-serif; }\n\
         text { fill: currentColor; }\n\
         path { fill: none; stroke: currentColor; }\n\
         .grid { opacity: 0.15; }\n\
         polyline { fill: none; stroke-width: 2; }\n",
    );
    let dashes: Vec<(usize, &str)> = DASHES.into_iter().enumerate().collect();
    for (colour, (light, _)) in COLOURS.iter().enumerate() {
        let _ = writeln!(text, ".c{colour} {{ stroke: {light}; }}");
    }
    for (dash, pattern) in dashes {
        let _ = writeln!(text, "polyline.d{dash} {{ stroke-dasharray: {pattern}; }}");
    }
    text.push_str("circle { fill: none; stroke-width: 2; }\n@media (prefers-color-scheme: dark) {\nsvg { color: #e6edf3; }\n");
    for (colour, (_, dark)) in COLOURS.iter().enumerate() {
        let _ = writeln!(text, ".c{colour} {{ stroke: {dark}; }}");
    }
    text.push_str("}\n");
    text
}

/// Colour and dashes of a line by number.
fn class(line: usize) -> String {
    format!("c{} d{}", line % COLOURS.len(), line / COLOURS.len() % DASHES.len())
}

fn legend(svg: &mut String, names: &[&str], top: f64) {
    let column = (WIDTH - LEFT - RIGHT) / count(COLUMNS);
    for (line, name) in names.iter().enumerate() {
        let (x, y) = (LEFT + column * count(line % COLUMNS), top + LINE * count(line / COLUMNS));
        let (end, text, class) = (x + 28.0, x + 36.0, class(line));
        let name = escaped(&name.replace(['*', '`'], ""));
        let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{x:.1},{y:.1} {end:.1},{y:.1}\"/>");
        let _ = writeln!(svg, "<text x=\"{text:.1}\" y=\"{:.1}\">{name}</text>", y + 4.0);
    }
}

/// The distance of the ticks of a scale from zero to `most`, and how many there are above zero.
fn ticks(most: f64) -> (f64, u32) {
    let most = if most > 0.0 { most } else { 1.0 };
    let power = 10_f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|digit| digit * power).find(|step| most / step <= 6.0);
    let step = step.unwrap_or(10.0 * power);
    let ticks = (1..=10).find(|ticks| step * f64::from(*ticks) >= most);
    (step, ticks.unwrap_or(10))
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        let series = |name: &str, up: f64| Series {
            name: name.to_owned(),
            points: vec![(1.0, up), (16.0, 3.0 * up), (256.0, 2.0 * up)],
        };
        let panel = |up: &str, factor: f64| Panel {
            up: up.to_owned(),
            series: (0..8).map(|line| series("**a** & <b> \"c\"", factor * f64::from(line))).collect(),
        };
        Chart {
            title: "Rate & latency".to_owned(),
            description: "a < b".to_owned(),
            across: "connections".to_owned(),
            panels: vec![panel("rate, a second", 1000.0), panel("p99, ms", 0.5)],
        }
    }

    /// Elements that are opened, closed and named as XML wants it; how many there are.
    fn elements(mut text: &str) -> usize {
        let (mut open, mut all) = (Vec::new(), 0);
        while let Some((before, rest)) = text.split_once('<') {
            let entities = ["&amp;", "&lt;", "&gt;", "&quot;"];
            let plain = entities.iter().fold(before.to_owned(), |text, entity| text.replace(entity, ""));
            assert!(!plain.contains(['&', '>']), "{before}");
            let (tag, after) = rest.split_once('>').expect("a tag that ends");
            assert!(!tag.contains('<') && tag.matches('"').count() % 2 == 0, "{tag}");
            text = after;
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name));
                continue;
            }
            all += 1;
            let name = tag.split([' ', '/']).next().unwrap();
            let names: Vec<&str> =
                tag.split('"').step_by(2).filter_map(|part| part.trim().strip_suffix('=')).collect();
            let mut different = names.clone();
            different.sort_unstable();
            different.dedup();
            assert_eq!(different.len(), names.len(), "{tag}");
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty() && text.trim().is_empty(), "{open:?} {text}");
        all
    }

    #[test]
    fn a_drawing_is_well_formed_and_has_words() {
        let svg = chart().svg();
        assert!(elements(&svg) > 80);
        for part in
            ["<title id=\"title\">Rate &amp; latency</title>", "a &lt; b", "rate, a second", "connections"]
        {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
        assert!(svg.contains("prefers-color-scheme: dark") && svg.contains("currentColor"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_drawing_of_nothing_is_well_formed_too() {
        let series = Series { name: "one".to_owned(), points: vec![(16.0, 0.0)] };
        let empty = Chart { panels: vec![Panel { up: "rate".to_owned(), series: vec![series] }], ..chart() };
        assert!(!empty.svg().contains("NaN"), "{}", empty.svg());
        elements(&empty.svg());
        elements(&Chart { panels: Vec::new(), ..chart() }.svg());
    }

    #[test]
    fn scales_have_round_ticks_up_to_the_highest_point() {
        for (most, step, count) in [(2449.0, 500.0, 5), (1.02, 0.2, 6), (98.0, 20.0, 5), (10.0, 2.0, 5)] {
            let (is, ticks) = ticks(most);
            assert!((is - step).abs() < 1e-9 && ticks == count, "{most}: {is} {ticks}");
        }
        assert_eq!(ticks(0.0).1, 5);
    }
}
