// What a report says, once, for both pages: sections of paragraphs, tables, charts. All text is plain; who writes a
// page escapes it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "report/chart.h"
#include "report/report_data.h"
#include "report/verdict.h"

namespace dwubit::report {

struct Cell {
    Cell(std::string text_, std::string note_ = "") : text(std::move(text_)), note(std::move(note_)) {}
    Cell(const char* text_) : text(text_) {}

    std::string text;
    std::string note;  // a second line, smaller
};

struct Column {
    std::string title;
    std::string note;
    bool number = false;  // to the right
};

// The first column names the row.
struct Table {
    std::vector<Column> columns;
    std::vector<std::vector<Cell>> rows;  // as long as `columns`
};

struct Paragraph {
    std::string text;
};

struct List {
    std::vector<std::string> items;
};

// Long text, folded away where a page can.
struct Code {
    std::string summary;
    std::string text;
};

struct Heading {
    std::string text;
};

using Block = std::variant<Heading, Paragraph, List, Table, Chart, Code>;

struct Section {
    std::string heading;
    std::vector<Block> blocks;
};

struct Document {
    std::string title;
    std::string subtitle;
    std::vector<Section> sections;  // the verdict first
};

Document write_document(const Report& report, const Verdict& verdict);

// The sections, in the order of the page.
Section verdict_section(const Report& report, const Verdict& verdict);
Section summary_section(const Report& report);
Section quality_section(const Report& report);
Section retention_section(const Report& report);
Section layers_section(const Report& report);
Section run_section(const Report& report);

}  // namespace dwubit::report
