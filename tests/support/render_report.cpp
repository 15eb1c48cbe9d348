// render_report REPORT.json FOLDER: the files of a report, for the test that opens them in a browser.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "base/atomic_file.h"
#include "report/report.h"

namespace {

dwubit::Result<void> render(const std::filesystem::path& from, const std::filesystem::path& folder) {
    auto object = dwubit::read_json_file(from);
    if (!object.ok()) return std::move(object).error();
    auto files = dwubit::render_report(std::move(object).value());
    if (!files.ok()) return std::move(files).error();
    for (const dwubit::ReportFile& file : *files) {
        DWUBIT_TRY(dwubit::write_file_atomically(folder / file.name, file.bytes));
    }
    return {};
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 3) {
        fmt::print(stderr, "usage: render_report REPORT.json FOLDER\n");
        return 2;
    }
    const auto done = render(arguments[1], arguments[2]);
    if (done.ok()) return 0;
    fmt::print(stderr, "render_report: {}\n", done.error().message);
    return 1;
}
