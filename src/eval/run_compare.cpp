#include "eval/run_compare.h"

#include <array>
#include <limits>
#include <system_error>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/output_folder.h"
#include "base/sha256.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::string_view kPerplexitySchema = "dwubit.perplexity/1";
constexpr std::string_view kSchema = "dwubit.compare/1";
constexpr double kMostNumber = std::numeric_limits<double>::max();

// Null where there is no perplexity.json.
Result<Json> read_perplexity(const std::filesystem::path& given, const std::filesystem::path& results) {
    std::error_code error;
    std::filesystem::path path = given / "perplexity.json";
    if (!std::filesystem::exists(path, error)) path = results.parent_path() / "perplexity.json";
    if (!std::filesystem::exists(path, error)) return Json();
    DWUBIT_ASSIGN(const Json object, read_json_file(path, {.max_depth = 64, .max_bytes = std::size_t{16} << 20}));
    const Fields fields(object, path.string());
    DWUBIT_ASSIGN(const std::string schema, fields.string("schema", std::string(kPerplexitySchema)));
    if (schema != kPerplexitySchema) {
        return errorf(ErrorKind::kUnsupported, "{} is of schema '{}'; this version of dwubit reads {}", path.string(),
                      printable(schema), kPerplexitySchema);
    }
    DWUBIT_ASSIGN(const double perplexity, fields.number("perplexity", 0, kMostNumber));
    DWUBIT_ASSIGN(const double deviation, fields.number("stderr", 0, kMostNumber));
    Json kl;
    if (fields.has("kl")) {
        DWUBIT_ASSIGN(const Json* found, fields.object("kl"));
        kl = *found;
    }
    return Json{{"perplexity", perplexity}, {"stderr", deviation}, {"kl", std::move(kl)}};
}

Result<Json> describe(const std::filesystem::path& given, const LoadedResults& results) {
    DWUBIT_ASSIGN(Json perplexity, read_perplexity(given, results.file));
    return Json{{"path", given.string()},
                {"file", results.file.string()},
                {"model", results.model},
                {"program", results.program},
                {"perplexity", std::move(perplexity)}};
}

Result<void> write_files(const CompareRequest& request, CompareAnswer& answer) {
    const std::filesystem::path& out = *request.output;
    const std::array<std::filesystem::path, 2> paths = {out / "compare.json", out / "compare.md"};
    answer.object["files"] = {paths[0].string(), paths[1].string()};
    Json written = answer.object;
    written["schema"] = kSchema;
    written["warnings"] = answer.warnings;
    const std::string json = dump_json(written, 2) + "\n";
    // All of it is in memory by now: remains of another run are of no use, but they are not ours to judge.
    DWUBIT_ASSIGN(OutputFolder folder,
                  OutputFolder::open(out, {{"command", "compare"}, {"result", sha256_hex(json)}}, request.overwrite));
    DWUBIT_TRY(write_file_atomically(folder.partial() / "compare.json", json));
    DWUBIT_TRY(write_file_atomically(folder.partial() / "compare.md", answer.text));
    return folder.finish();
}

}  // namespace

Result<CompareAnswer> run_compare(const CompareRequest& request, ThreadPool& pool) {
    if (request.output) DWUBIT_TRY(OutputFolder::check(*request.output, request.overwrite));
    DWUBIT_ASSIGN(const LoadedResults base, load_results(request.a));
    DWUBIT_ASSIGN(const LoadedResults other, load_results(request.b));
    CompareAnswer answer;
    DWUBIT_ASSIGN(answer.object, compare_results(base, other, request.options, pool));
    answer.warnings = answer.object.at("warnings").get<std::vector<std::string>>();
    answer.object.erase("warnings");
    DWUBIT_ASSIGN(answer.object["a"], describe(request.a, base));
    DWUBIT_ASSIGN(answer.object["b"], describe(request.b, other));
    answer.object["files"] = Json::array();
    answer.text = comparison_text(answer.object);
    if (request.output) DWUBIT_TRY(write_files(request, answer));
    return answer;
}

}  // namespace dwubit
