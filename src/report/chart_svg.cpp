#include "report/chart_svg.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/escape.h"

namespace dwubit::report {
namespace {

constexpr double kWidth = 720;
constexpr std::size_t kPanelsInRow = 3;
constexpr double kLeft = 62;    // of a picture: ticks and title of the y axis
constexpr double kBottom = 46;  // ticks and title of the x axis
constexpr double kRight = 12;
constexpr double kTop = 10;
constexpr double kTitle = 22;
constexpr double kLegendLine = 20;
constexpr double kTextDrop = 4;  // from the middle of a line of text to its base line

constexpr std::string_view kFileStyle =
    "svg{--paper:#fff;--ink:#1c2330;--quiet:#5b6577;color:#1c2330;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{--paper:#14181f;--ink:#e3e7ee;--quiet:#98a3b5;color:#e3e7ee;background:#"
    "14181f}}"
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:var(--ink)}"
    ".label{paint-order:stroke;stroke:var(--paper);stroke-width:3px}"
    ".paper{fill:var(--paper)}.title{font-size:15px;font-weight:600}.panel{font-weight:600}.quiet{fill:var(--quiet)}"
    ".grid{stroke:currentColor;stroke-opacity:.13}.edge{stroke:currentColor;stroke-opacity:.45}"
    ".level{stroke:currentColor;stroke-opacity:.6;stroke-dasharray:4 4}";

struct Frame {
    double left = 0, top = 0, width = 0, height = 0;  // of the picture inside the axes
};

std::string line(double x1, double y1, double x2, double y2, std::string_view kind) {
    return fmt::format("<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", kind, x1, y1,
                       x2, y2);
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view kind, std::string_view text) {
    return fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", kind, x, y,
                       anchor, html(text));
}

// A mark of about 80 square pixels around the origin.
std::string shape_path(std::string_view shape) {
    if (shape == "square") return "M-4.5-4.5h9v9h-9z";
    if (shape == "triangle-up") return "M0-5.5L5.8 4.5h-11.6z";
    if (shape == "triangle-down") return "M0 5.5L5.8-4.5h-11.6z";
    if (shape == "diamond") return "M0-6.5L6 0L0 6.5L-6 0z";
    if (shape == "cross") return "M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z";
    return "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z";
}

std::string mark(double x, double y, std::size_t style, double scale, const std::string& title) {
    const std::string inner = title.empty() ? "" : fmt::format("<title>{}</title>", html(title));
    return fmt::format(
        "<path class=\"mark\" d=\"{}\" fill=\"{}\" transform=\"translate({:.1f} {:.1f}) scale({})\">{}</path>\n",
        shape_path(style_shape(style)), style_color(style), x, y, scale, inner);
}

class Picture {
public:
    Picture(const Chart& chart, const Panel& panel, const Frame& frame) : chart_(chart), panel_(panel), frame_(frame) {}

    std::string draw(std::size_t x_ticks, std::size_t y_ticks, bool x_title, bool y_title) {
        axes(x_ticks, y_ticks, x_title, y_title);
        reference_lines();
        for (const Series& series : panel_.series) {
            if (chart_.joined) joined(series);
            for (const Point& point : series.points) intervals(series, point);
        }
        for (const Series& series : panel_.series) {
            for (const Point& point : series.points) {
                out_ += mark(x(point.x), y(point.y), series.style, chart_.joined ? 0.6 : 1, said(series, point));
            }
        }
        if (!chart_.joined) labels();
        return std::move(out_);
    }

private:
    double x(double value) const { return frame_.left + frame_.width * place_on(chart_.x, value); }
    double y(double value) const { return frame_.top + frame_.height * (1 - place_on(chart_.y, value)); }
    double bottom() const { return frame_.top + frame_.height; }
    double right() const { return frame_.left + frame_.width; }

    void axes(std::size_t x_ticks, std::size_t y_ticks, bool x_title, bool y_title) {
        for (const Tick& tick : axis_ticks(chart_.y, y_ticks)) {
            out_ += line(frame_.left, y(tick.value), right(), y(tick.value), "grid");
            out_ += text_at(frame_.left - 7, y(tick.value) + kTextDrop, "end", "quiet", tick.text);
        }
        for (const Tick& tick : axis_ticks(chart_.x, x_ticks)) {
            out_ += line(x(tick.value), frame_.top, x(tick.value), bottom(), "grid");
            out_ += text_at(x(tick.value), bottom() + 17, "middle", "quiet", tick.text);
        }
        out_ += line(frame_.left, bottom(), right(), bottom(), "edge");
        out_ += line(frame_.left, frame_.top, frame_.left, bottom(), "edge");
        if (x_title) out_ += text_at(frame_.left + frame_.width / 2, bottom() + 36, "middle", "", chart_.x.title);
        if (!y_title) return;
        out_ +=
            fmt::format("<text text-anchor=\"middle\" transform=\"translate({:.1f} {:.1f}) rotate(-90)\">{}</text>\n",
                        frame_.left - 48, frame_.top + frame_.height / 2, html(chart_.y.title));
    }

    void reference_lines() {
        if (chart_.diagonal) {
            const double low = std::max(chart_.x.low, chart_.y.low);
            const double high = std::min(chart_.x.high, chart_.y.high);
            if (low < high) out_ += line(x(low), y(low), x(high), y(high), "level");
        }
        if (!chart_.level || *chart_.level < chart_.y.low || *chart_.level > chart_.y.high) return;
        out_ += line(frame_.left, y(*chart_.level), right(), y(*chart_.level), "level");
    }

    void joined(const Series& series) {
        std::string points;
        for (const Point& point : series.points) points += fmt::format("{:.1f},{:.1f} ", x(point.x), y(point.y));
        out_ += fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>\n",
                            style_color(series.style), points);
    }

    void intervals(const Series& series, const Point& point) {
        const auto bar = [&](double x1, double y1, double x2, double y2) {
            out_ += fmt::format(
                "<line stroke=\"{}\" stroke-width=\"1.5\" stroke-opacity=\".65\" x1=\"{:.1f}\" y1=\"{:.1f}\" "
                "x2=\"{:.1f}\" "
                "y2=\"{:.1f}\"/>\n",
                style_color(series.style), x1, y1, x2, y2);
        };
        if (point.x_low && point.x_high) bar(x(*point.x_low), y(point.y), x(*point.x_high), y(point.y));
        if (point.y_low && point.y_high) bar(x(point.x), y(*point.y_low), x(point.x), y(*point.y_high));
    }

    void labels() {
        const std::vector<Label> placed = place_labels(chart_, panel_, frame_.width, frame_.height);
        for (std::size_t i = 0; i < placed.size(); ++i) {
            const Point& point = panel_.series[i].points.front();
            out_ += fmt::format(
                "<text class=\"label\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" style=\"fill:{}\">{}</text>\n",
                x(point.x) + placed[i].dx, y(point.y) + placed[i].dy + kTextDrop, placed[i].right ? "start" : "end",
                style_color(panel_.series[i].style), html(placed[i].text));
        }
    }

    // What a mark tells who points at it: "gptq: bytes 13.20 MB, ratio 1.264".
    std::string said(const Series& series, const Point& point) const {
        std::string text = series.label;
        for (std::size_t i = 0; i < point.facts.size(); ++i) {
            text += fmt::format("{} {} {}", i == 0 ? ":" : ",", chart_.facts[i], point.facts[i]);
        }
        return text;
    }

    const Chart& chart_;
    const Panel& panel_;
    Frame frame_;
    std::string out_;
};

// Colour, shape and name of every series, in lines of at most kWidth.
std::string legend(const std::vector<Series>& series, double top, double& height) {
    std::string out;
    double x = kLeft;
    double y = top + kLegendLine / 2;
    for (const Series& one : series) {
        const double wide = 34 + text_width(one.label);
        if (x > kLeft && x + wide > kWidth) {
            x = kLeft;
            y += kLegendLine;
        }
        out += mark(x + 6, y, one.style, 0.9, "");
        out += text_at(x + 17, y + kTextDrop, "start", "", one.label);
        x += wide;
    }
    height = y + kLegendLine / 2 - top;
    return out;
}

std::string opening(double height, const std::string& title, bool file) {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1:.0f}\"{2} role=\"img\" "
        "aria-label=\"{3}\">\n",
        kWidth, height, file ? fmt::format(" width=\"{}\" height=\"{:.0f}\"", kWidth, height) : "", html(title));
}

}  // namespace

std::string mark_svg(std::size_t style) {
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 14 14\" width=\"14\" height=\"14\" "
        "aria-hidden=\"true\">{}</svg>",
        mark(7, 7, style, 1, ""));
}

std::string panel_svg(const Chart& chart, const Panel& panel) {
    const bool single = chart.panels.size() == 1;
    const double wide = single ? kWidth : kWidth / 2;
    const double high = single ? kPictureHeight : kPanelHeight;
    const Frame frame{kLeft, kTop, wide - kLeft - kRight, high};
    const std::string title = single ? chart.title : chart.title + ": " + panel.title;
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n",
               wide, kTop + high + kBottom, html(title)) +
           Picture(chart, panel, frame).draw(single ? 7 : 5, single ? 6 : 4, true, single) + "</svg>\n";
}

std::string chart_svg(const Chart& chart) {
    const bool single = chart.panels.size() == 1;
    const double title_end = 16 + kTitle;
    std::string body;
    double bottom = title_end;
    if (single) {
        const Frame frame{kLeft, title_end + kTop, kWidth - kLeft - kRight, kPictureHeight};
        body = Picture(chart, chart.panels[0], frame).draw(7, 6, true, true);
        bottom += kTop + kPictureHeight + kBottom;
    } else {
        const std::size_t rows = (chart.panels.size() + kPanelsInRow - 1) / kPanelsInRow;
        const double cell = kWidth / static_cast<double>(kPanelsInRow);
        const double step = kTitle + kPanelHeight + kBottom;
        for (std::size_t i = 0; i < chart.panels.size(); ++i) {
            const double left = cell * static_cast<double>(i % kPanelsInRow);
            const std::size_t row = i / kPanelsInRow;
            const double top = title_end + step * static_cast<double>(row);
            body += text_at(left + kLeft, top + kTitle - 8, "start", "panel", chart.panels[i].title);
            const Frame frame{left + kLeft, top + kTitle, cell - kLeft - kRight, kPanelHeight};
            body += Picture(chart, chart.panels[i], frame).draw(4, 4, true, i % kPanelsInRow == 0);
        }
        bottom += step * static_cast<double>(rows);
    }
    if (chart.joined) {
        double height = 0;
        body += legend(all_series(chart), bottom, height);
        bottom += height + 8;
    }
    return opening(bottom, chart.title, true) + fmt::format("<style>{}</style>\n", kFileStyle) +
           fmt::format("<rect class=\"paper\" width=\"{}\" height=\"{:.0f}\"/>\n", kWidth, bottom) +
           text_at(16, 26, "start", "title", chart.title) + body + "</svg>\n";
}

}  // namespace dwubit::report
