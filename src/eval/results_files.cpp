#include "eval/results_files.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "base/error.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStart = "results_";
constexpr std::string_view kEnd = ".json";

bool is_results_name(const std::string& name) {
    return name.starts_with(kStart) && name.ends_with(kEnd) && name.size() > kStart.size() + kEnd.size();
}

void add_results(const fs::path& folder, std::vector<fs::path>& found, std::vector<fs::path>* folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code unknown;
        if (entry->is_directory(unknown)) {
            if (folders != nullptr) folders->push_back(entry->path());
        } else if (is_results_name(entry->path().filename().string())) {
            found.push_back(entry->path());
        }
    }
}

}  // namespace

Result<ResultsFiles> find_results_files(const fs::path& path) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    std::vector<fs::path> found;
    if (!fs::exists(status)) return errorf(ErrorKind::kNotFound, "{} does not exist", path.string());
    if (fs::is_directory(status)) {
        std::vector<fs::path> folders;
        add_results(path, found, &folders);
        for (const fs::path& folder : folders) add_results(folder, found, nullptr);
    } else if (is_results_name(path.filename().string())) {
        found.push_back(path);
    }
    if (found.empty()) {
        return errorf(ErrorKind::kNotFound, "{} has no results_*.json, neither in it nor one folder below",
                      path.string())
            .with_hint("dwubit eval MODEL --tasks ... --log_samples --output_path DIR makes them");
    }
    std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
        return std::pair(a.filename(), a) > std::pair(b.filename(), b);
    });
    ResultsFiles files;
    files.results = found.front();
    const std::string name = files.results.filename().string();
    files.stamp = name.substr(kStart.size(), name.size() - kStart.size() - kEnd.size());
    for (std::size_t i = 1; i < found.size(); ++i) files.older.push_back(found[i].string());
    return files;
}

std::string without_python_constants(std::string_view text) {
    constexpr std::array<std::string_view, 3> kConstants = {"NaN", "-Infinity", "Infinity"};
    std::string out;
    out.reserve(text.size());
    bool in_string = false;
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        std::size_t taken = 1;
        if (in_string) {
            if (c == '\\' && i + 1 < text.size()) taken = 2;
            in_string = c != '"';
        } else {
            in_string = c == '"';
            for (const std::string_view constant : kConstants) {
                if (!text.substr(i).starts_with(constant)) continue;
                out += "null";
                taken = 0;
                i += constant.size();
                break;
            }
        }
        out.append(text.substr(i, taken));
        i += taken;
    }
    return out;
}

}  // namespace dwubit
