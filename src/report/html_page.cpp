#include <fmt/format.h>

#include "report/chart_bundle.h"
#include "report/chart_svg.h"
#include "report/chart_vega.h"
#include "report/escape.h"
#include "report/page_script.h"
#include "report/page_style.h"
#include "report/pages.h"

namespace dwubit::report {
namespace {

// Whatever the page's texts say, the browser fetches nothing.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

std::string with_note(const std::string& text, const std::string& note) {
    if (note.empty()) return html(text);
    return fmt::format("{}<small>{}</small>", html(text), html(note));
}

// Attribute `class` of a cell, or nothing.
std::string class_of(const Column& column, Tone tone = Tone::kPlain) {
    std::string names = column.number ? "number" : "";
    if (tone != Tone::kPlain) names += names.empty() ? "" : " ";
    if (tone != Tone::kPlain) names += tone == Tone::kWorse ? "worse" : "better";
    return names.empty() ? "" : fmt::format(" class=\"{}\"", names);
}

struct Writer {
    std::string out;
    Json specs = Json::array();

    void operator()(const Heading& heading) { out += fmt::format("<h3>{}</h3>\n", html(heading.text)); }
    void operator()(const Paragraph& paragraph) { out += fmt::format("<p>{}</p>\n", html(paragraph.text)); }
    void operator()(const List& list) {
        out += "<ul>\n";
        for (const std::string& item : list.items) out += fmt::format("<li>{}</li>\n", html(item));
        out += "</ul>\n";
    }
    // A wide table scrolls within its box; the box takes the focus so that keys scroll it.
    void operator()(const Table& table) {
        out += "<div class=\"wide\" tabindex=\"0\">\n<table>\n<thead><tr>";
        for (const Column& column : table.columns) {
            out += fmt::format("<th scope=\"col\"{}>{}</th>", class_of(column), with_note(column.title, column.note));
        }
        out += "</tr></thead>\n<tbody>\n";
        for (const auto& row : table.rows) {
            out += "<tr>";
            for (std::size_t i = 0; i < row.size(); ++i) {
                const std::string text = with_note(row[i].text, row[i].note);
                out += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", text)
                              : fmt::format("<td{}>{}</td>", class_of(table.columns[i], row[i].tone), text);
            }
            out += "</tr>\n";
        }
        out += "</tbody>\n</table>\n</div>\n";
    }
    // The static pictures stand in for the drawn ones: without JavaScript, without the chart library, on paper.
    void operator()(const Chart& chart) {
        const bool single = chart.panels.size() == 1;
        out += fmt::format("<figure id=\"chart-{}\">\n<h3>{}</h3>\n", chart.name, html(chart.title));
        if (chart.joined) legend(chart);
        out += fmt::format("<div class=\"panels{}\">\n", single ? "" : " several");
        for (std::size_t i = 0; i < chart.panels.size(); ++i) {
            const Panel& panel = chart.panels[i];
            const std::string id = fmt::format("chart-{}-{}", chart.name, i);
            specs.push_back({{"id", id}, {"spec", panel_vega(chart, panel)}});
            out += "<div class=\"panel\">\n";
            if (!panel.title.empty()) out += fmt::format("<h4>{}</h4>\n", html(panel.title));
            out += fmt::format("<div class=\"view\" id=\"{}\"><div class=\"static\">{}</div></div>\n</div>\n", id,
                               panel_svg(chart, panel));
        }
        out += fmt::format("</div>\n<figcaption>{}</figcaption>\n</figure>\n", html(chart.caption));
    }
    void legend(const Chart& chart) {
        out += "<ul class=\"legend\">\n";
        for (const Series& series : all_series(chart)) {
            out += fmt::format("<li>{}{}</li>\n", mark_svg(series.style), html(series.label));
        }
        out += "</ul>\n";
    }
    void operator()(const Code& code) {
        out += fmt::format("<details><summary>{}</summary>\n<pre>{}</pre>\n</details>\n", html(code.summary),
                           html(code.text));
    }
};

// The library is other people's work: its licence asks that their names go with it.
std::string scripts(const Json& specs) {
    std::string out =
        "<!-- Charts by Vega, Vega-Lite and Vega-Embed, copyright University of Washington Interactive Data Lab "
        "and contributors, BSD 3-clause licence: https://github.com/vega -->\n<script>";
    out += chart_bundle();
    out += "</script>\n";
    out += fmt::format("<script type=\"application/json\" id=\"chart-specs\">{}</script>\n",
                       json_in_script(dump_json(specs)));
    out += fmt::format("<script>{}</script>\n", page_script());
    return out;
}

}  // namespace

std::string html_page(const Document& document) {
    Writer writer;
    for (const Section& section : document.sections) {
        if (section.blocks.empty()) continue;
        writer.out += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", slug(section.heading), html(section.heading));
        for (const Block& block : section.blocks) std::visit(writer, block);
        writer.out += "</section>\n";
    }
    std::string page = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    page += "<meta name=\"color-scheme\" content=\"light dark\">\n";
    page += fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n", kPolicy);
    page += fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n", html(document.title),
                        page_style());
    page += fmt::format("<header>\n<h1>{}</h1>\n<p>{}</p>\n</header>\n", html(document.title), html(document.subtitle));
    page += writer.out;
    page += "</main>\n";
    if (!writer.specs.empty() && !chart_bundle().empty()) page += scripts(writer.specs);
    page += "</body>\n</html>\n";
    return page;
}

}  // namespace dwubit::report
