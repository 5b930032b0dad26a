//! Lines over time, as inline SVG.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde::Serialize;

/// Values at times, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Series {
    /// The start of the row, in milliseconds since 1970.
    pub from_ms: u64,
    /// The end of the row, in milliseconds since 1970.
    pub to_ms: u64,
    /// Times and values.
    pub points: Vec<(u64, f64)>,
}

/// The scale of a line: its box, and the largest value.
#[derive(Debug, Clone, Copy)]
struct Plot {
    width: f64,
    height: f64,
    top: f64,
    from: u64,
    to: u64,
    most: f64,
}

impl Series {
    /// The largest value.
    fn most(&self) -> f64 {
        self.points
            .iter()
            .map(|(_, value)| *value)
            .fold(0.0, f64::max)
    }

    fn plot(&self, width: f64, height: f64, most: f64) -> Plot {
        Plot {
            width,
            height,
            top: 1.5,
            from: self.from_ms,
            to: self.to_ms,
            most,
        }
    }
}

impl Plot {
    #[expect(clippy::cast_precision_loss, reason = "places on a screen")]
    fn place(&self, at: u64, value: f64) -> (f64, f64) {
        let span = self.to.saturating_sub(self.from).max(1) as f64;
        let x = at.clamp(self.from, self.to).saturating_sub(self.from) as f64 / span * self.width;
        let share = if self.most > 0.0 {
            (value / self.most).clamp(0.0, 1.0)
        } else {
            0.0
        };
        let room = self.height - 2.0 * self.top;
        (x, self.top + room * (1.0 - share))
    }

    fn line(&self, points: &[(u64, f64)]) -> String {
        let mut path = String::new();
        for (number, (at, value)) in points.iter().enumerate() {
            let (x, y) = self.place(*at, *value);
            let _ = write!(path, "{}{x:.1} {y:.1}", if number == 0 { "M" } else { "L" });
        }
        path
    }

    /// The line, closed along the ground.
    fn area(&self, points: &[(u64, f64)]) -> String {
        let (Some(first), Some(last)) = (points.first(), points.last()) else {
            return String::new();
        };
        let ground = self.height - self.top;
        let (from, _) = self.place(first.0, 0.0);
        let (to, _) = self.place(last.0, 0.0);
        format!(
            "{}L{to:.1} {ground:.1}L{from:.1} {ground:.1}Z",
            self.line(points)
        )
    }
}

/// A small line without an axis, to show what is usual.
pub(crate) fn sparkline(series: &Series, label: &str, is_bad: bool) -> Markup {
    // Room above, so that a steady line doesn't look like a growing one.
    let plot = series.plot(110.0, 22.0, series.most() * 1.15);
    html! {
        svg.spark.bad[is_bad] viewBox="0 0 110 22" width="110" height="22" role="img" aria-label=(label) {
            path d=(plot.line(&series.points)) fill="none" stroke="currentColor" stroke-width="1.3" vector-effect="non-scaling-stroke" {}
        }
    }
}

/// A line with the area under it.
pub(crate) fn filled(series: &Series, size: (f64, f64), label: &str, is_bad: bool) -> Markup {
    let (width, height) = size;
    let plot = series.plot(width, height, series.most().max(1.0));
    html! {
        svg.chart.bad[is_bad] viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="none" role="img" aria-label=(label) {
            path.area d=(plot.area(&series.points)) {}
            path d=(plot.line(&series.points)) fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" {}
        }
    }
}

/// Two lines on one scale, arrivals and handled entries, and the area between.
pub(crate) fn pair(arrives: &Series, handled: &Series, label: &str, is_bad: bool) -> Markup {
    let most = arrives.most().max(handled.most()).max(0.1) * 1.25;
    let above = arrives.plot(1_000.0, 140.0, most);
    let below = handled.plot(1_000.0, 140.0, most);
    html! {
        svg.chart.pair viewBox="0 0 1000 140" preserveAspectRatio="none" role="img" aria-label=(label) {
            @if is_bad {
                path.gap.bad d=(gap(&above, arrives, &below, handled)) {}
            }
            path.arrives d=(above.line(&arrives.points)) fill="none" stroke="currentColor" stroke-width="1.5" vector-effect="non-scaling-stroke" {}
            path.handled.bad[is_bad] d=(below.line(&handled.points)) fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" {}
        }
    }
}

/// The area where the handled line lies well below the other one.
fn gap(above: &Plot, arrives: &Series, below: &Plot, handled: &Series) -> String {
    let at = |time: u64| {
        let next = handled.points.iter().rev().find(|(at, _)| *at <= time);
        next.map_or(0.0, |(_, value)| *value)
    };
    let from = arrives
        .points
        .iter()
        .rposition(|(time, value)| at(*time) > value / 2.0)
        .map_or(0, |last| last + 1);
    let Some(open) = arrives.points.get(from..).filter(|open| open.len() > 1) else {
        return String::new();
    };
    let mut path = above.line(open);
    for (time, _) in open.iter().rev() {
        let (x, y) = below.place(*time, at(*time));
        let _ = write!(path, "L{x:.1} {y:.1}");
    }
    path.push('Z');
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(points: &[(u64, f64)]) -> Series {
        Series {
            from_ms: 0,
            to_ms: 100,
            points: points.to_vec(),
        }
    }

    #[test]
    fn lines_stay_in_their_box() {
        let row = series(&[(0, 0.0), (50, 10.0), (500, 1e300), (100, 5.0)]);
        let drawn = sparkline(&row, "entries", false).into_string();
        assert!(drawn.contains("M0.0"));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        let empty = sparkline(&series(&[]), "entries", false).into_string();
        assert!(empty.contains("d=\"\""), "{empty}");
    }

    #[test]
    fn the_gap_begins_where_handling_ends() {
        let arrives = series(&[(0, 10.0), (50, 10.0), (80, 10.0), (100, 10.0)]);
        let handled = series(&[(0, 10.0), (50, 10.0), (80, 0.0), (100, 0.0)]);
        let drawn = pair(&arrives, &handled, "rates", true).into_string();
        assert!(drawn.contains("M800.0"), "{drawn}");
    }
}
