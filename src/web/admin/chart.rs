//! Charts as SVG, without scripts and inline styles. Pure.
//!
//! A chart has a title and a description for screen readers, and a table of its values beside it.
//! Colours come from the style sheet (`.s1` to `.s9`), so that they follow the light and the dark
//! scheme.

use super::format::grouped;
use serde::Serialize;
use std::fmt::Write as _;

/// The size of the picture in its own units; the page scales it.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 28.0;

/// The most labels below the picture.
const LABELS_MAX: usize = 8;

/// One series of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    /// The name in the legend.
    pub(super) name: String,
    /// Number of its colour, 1 to 9.
    pub(super) colour: u8,
    /// A value for each label; `None` if it is unknown.
    pub(super) values: Vec<Option<f64>>,
}

/// The content of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chart {
    /// An id that is unique on the page.
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// The description, a sentence.
    pub(super) about: String,
    /// The unit of the values.
    pub(super) unit: &'static str,
    /// The heading of the labels.
    pub(super) axis: &'static str,
    pub(super) labels: Vec<String>,
    pub(super) series: Vec<Series>,
}

/// A chart with its table, for a template.
#[derive(Debug, Serialize)]
pub(super) struct ChartView {
    id: &'static str,
    title: &'static str,
    about: String,
    unit: &'static str,
    axis: &'static str,
    /// `None` if there is nothing to draw.
    svg: Option<String>,
    legend: Vec<LegendEntry>,
    names: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct LegendEntry {
    name: String,
    colour: u8,
}

#[derive(Debug, Serialize)]
struct Row {
    label: String,
    values: Vec<String>,
}

impl Chart {
    /// The values of each label on top of each other.
    pub(super) fn stacked(mut self) -> ChartView {
        self.series
            .retain(|series| series.values.iter().flatten().any(|value| *value > 0.0));
        let sums = (0..self.labels.len()).map(|at| {
            self.series
                .iter()
                .filter_map(|series| series.values[at])
                .sum()
        });
        let most = sums.fold(0.0, f64::max);
        let (top, mut marks) = (scale(most), String::new());
        let step = self.step();
        // With few labels, bars are narrower than their places.
        let broad = (step * 0.8).min(48.0);
        for at in 0..self.labels.len() {
            let mut height = 0.0;
            for series in &self.series {
                let Some(value) = series.values[at].filter(|value| *value > 0.0) else {
                    continue;
                };
                let (low, high) = (self.y(height, top), self.y(height + value, top));
                let x = LEFT + step * at as f64 + (step - broad) / 2.0;
                let _ = write!(
                    marks,
                    "<rect class=\"s{}\" x=\"{x:.1}\" y=\"{high:.1}\" width=\"{broad:.1}\" height=\"{:.1}\"/>",
                    series.colour,
                    (low - high).max(0.5)
                );
                height += value;
            }
        }
        self.drawn(top, most > 0.0, &marks)
    }

    /// A line through the values of each series, interrupted at unknown values.
    pub(super) fn lines(mut self) -> ChartView {
        self.series
            .retain(|series| series.values.iter().any(Option::is_some));
        let most = self
            .series
            .iter()
            .flat_map(|series| series.values.iter().flatten())
            .copied()
            .fold(0.0, f64::max);
        let (top, mut marks) = (scale(most), String::new());
        let step = self.step();
        for series in &self.series {
            let mut path = String::new();
            let mut points = String::new();
            let mut is_drawing = false;
            for (at, value) in series.values.iter().enumerate() {
                let Some(value) = value else {
                    is_drawing = false;
                    continue;
                };
                let (x, y) = (LEFT + step * (at as f64 + 0.5), self.y(*value, top));
                let _ = write!(path, "{}{x:.1} {y:.1}", if is_drawing { "L" } else { "M" });
                let _ = write!(
                    points,
                    "<circle class=\"s{}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>",
                    series.colour
                );
                is_drawing = true;
            }
            let _ = write!(
                marks,
                "<path class=\"l{}\" d=\"{path}\"/>{points}",
                series.colour
            );
        }
        let has_values = !self.series.is_empty();
        self.drawn(top, has_values, &marks)
    }

    fn step(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / self.labels.len().max(1) as f64
    }

    #[expect(clippy::unused_self, reason = "reads as a property of the chart")]
    fn y(&self, value: f64, top: f64) -> f64 {
        TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top)
    }

    fn drawn(self, top: f64, has_values: bool, marks: &str) -> ChartView {
        let svg = has_values.then(|| self.svg(top, marks));
        let shown = |value: &Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let rows = (0..self.labels.len()).map(|at| Row {
            label: self.labels[at].clone(),
            values: self
                .series
                .iter()
                .map(|series| shown(&series.values[at]))
                .collect(),
        });
        ChartView {
            rows: rows.collect(),
            names: self
                .series
                .iter()
                .map(|series| series.name.clone())
                .collect(),
            legend: self
                .series
                .iter()
                .map(|series| LegendEntry {
                    name: series.name.clone(),
                    colour: series.colour,
                })
                .collect(),
            svg,
            id: self.id,
            title: self.title,
            about: self.about,
            unit: self.unit,
            axis: self.axis,
        }
    }

    fn svg(&self, top: f64, marks: &str) -> String {
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-about\"><title id=\"{id}-title\">{}</title><desc id=\"{id}-about\">{}</desc>",
            escaped(self.title),
            escaped(&self.about),
            id = self.id
        );
        for part in 0..=4 {
            let value = top * f64::from(part) / 4.0;
            let y = self.y(value, top);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                number(value)
            );
        }
        svg.push_str(marks);
        let every = self.labels.len().div_ceil(LABELS_MAX).max(1);
        for (at, label) in self.labels.iter().enumerate().step_by(every) {
            let x = LEFT + self.step() * (at as f64 + 0.5);
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - 8.0,
                escaped(label)
            );
        }
        svg.push_str("</svg>");
        svg
    }
}

/// The end of an axis for values up to `most`, such that its quarters are round.
fn scale(most: f64) -> f64 {
    let small = [4.0, 8.0, 12.0].into_iter().find(|end| *end >= most);
    let power = 10f64.powf(most.max(1.0).log10().floor());
    let mut large = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0]
        .into_iter()
        .map(|times| times * power);
    small
        .or_else(|| large.find(|end| *end >= most))
        .unwrap_or(10.0 * power)
}

/// `12,345`, `2.5`
fn number(value: f64) -> String {
    if (value - value.round()).abs() < 0.05 {
        grouped(value.round().max(0.0) as u64)
    } else {
        format!("{value:.1}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(values: Vec<Option<f64>>) -> Chart {
        Chart {
            id: "mails",
            title: "Mails <by> day",
            about: "Mails & what became of them".to_owned(),
            unit: "mails",
            axis: "day",
            labels: (1..=values.len()).map(|at| format!("Aug {at}")).collect(),
            series: vec![Series {
                name: "sent".to_owned(),
                colour: 1,
                values,
            }],
        }
    }

    #[test]
    fn a_chart_is_a_picture_with_words_and_a_table() {
        let drawn = chart(vec![Some(3.0), None, Some(1_500.0)]).stacked();
        let svg = drawn.svg.unwrap();
        assert!(
            svg.contains("Mails &lt;by&gt; day</title>") && svg.contains("Mails &amp; what"),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(
            svg.contains(">1,600</text>") && !svg.contains("style="),
            "{svg}"
        );
        assert_eq!(drawn.rows[1].values, ["–"]);
        assert_eq!(drawn.rows[2].values, ["1,500"]);
        let broken = chart(vec![Some(3.0), None, Some(2.0), Some(0.0)]).lines();
        let svg = broken.svg.unwrap();
        let path = svg
            .split(" d=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next())
            .unwrap();
        assert_eq!(
            (path.matches('M').count(), path.matches('L').count()),
            (2, 1),
            "{path}"
        );
    }

    #[test]
    fn nothing_is_not_drawn() {
        assert!(chart(vec![Some(0.0), None]).stacked().svg.is_none());
        assert!(chart(vec![None]).lines().svg.is_none());
        assert!(chart(Vec::new()).stacked().svg.is_none());
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, end) in [
            (0.0, 4.0),
            (4.0, 4.0),
            (5.0, 8.0),
            (9.0, 12.0),
            (13.0, 16.0),
            (399.0, 400.0),
            (801.0, 1_000.0),
        ] {
            assert!((scale(most) - end).abs() < 1e-9, "{most}: {}", scale(most));
        }
    }
}
