#include <fmt/format.h>

#include "report/escape.h"
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

struct Writer {
    std::string out;

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
            out += fmt::format("<th scope=\"col\"{}>{}</th>", column.number ? " class=\"number\"" : "",
                               with_note(column.title, column.note));
        }
        out += "</tr></thead>\n<tbody>\n";
        for (const auto& row : table.rows) {
            out += "<tr>";
            for (std::size_t i = 0; i < row.size(); ++i) {
                const std::string text = with_note(row[i].text, row[i].note);
                const char* const number = table.columns[i].number ? " class=\"number\"" : "";
                out += i == 0 ? fmt::format("<th scope=\"row\">{}</th>", text)
                              : fmt::format("<td{}>{}</td>", number, text);
            }
            out += "</tr>\n";
        }
        out += "</tbody>\n</table>\n</div>\n";
    }
    void operator()(const Chart& chart) {
        out += fmt::format("<figure><figcaption>{}</figcaption></figure>\n", html(chart.caption));
    }
    void operator()(const Code& code) {
        out += fmt::format("<details><summary>{}</summary>\n<pre>{}</pre>\n</details>\n", html(code.summary),
                           html(code.text));
    }
};

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
    page += "</main>\n</body>\n</html>\n";
    return page;
}

}  // namespace dwubit::report
