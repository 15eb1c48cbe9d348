#include "eval/loaded_results.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "corpus/byte_source.h"
#include "corpus/documents.h"
#include "eval/metrics/metrics.h"
#include "eval/results.h"
#include "eval/results_files.h"

namespace dwubit {
namespace {

constexpr std::string_view kSchema = "dwubit.eval/1";
constexpr std::string_view kErrorEnd = "_stderr";
constexpr std::size_t kMostResultsBytes = std::size_t{256} << 20;
constexpr std::size_t kMostSampleBytes = std::size_t{8} << 30;
constexpr std::int64_t kMostId = std::int64_t{1} << 53;

Result<std::string> read_text(const std::filesystem::path& path, std::size_t limit) {
    DWUBIT_ASSIGN(const MappedFile file, MappedFile::open(path));
    const auto bytes = file.bytes();
    if (bytes.size() > limit) {
        return errorf(ErrorKind::kInvalidInput, "{} has {} bytes; at most {} are read", path.string(), bytes.size(),
                      limit);
    }
    return without_python_constants({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Error invalid(std::string_view where, std::string_view member, std::string_view expected) {
    return errorf(ErrorKind::kInvalidInput, "{}: '{}' must be {}", where, printable(member), expected);
}

// The member, null where there is none.
const OrderedJson& member_of(const OrderedJson& object, const std::string& key) {
    static const OrderedJson none;
    const auto found = object.find(key);
    return found == object.end() ? none : *found;
}

std::string text_or(const OrderedJson& value, std::string fallback = "") {
    return value.is_string() ? value.get<std::string>() : std::move(fallback);
}

std::optional<OutputType> output_type_of(std::string_view name) {
    for (const OutputType type : {OutputType::kLoglikelihood, OutputType::kLoglikelihoodRolling,
                                  OutputType::kMultipleChoice, OutputType::kGenerateUntil}) {
        if (output_type_name(type) == name) return type;
    }
    return std::nullopt;
}

// --- the results file ----------------------------------------------------------------------------------------------

class ResultsReader {
public:
    ResultsReader(LoadedResults& out, const OrderedJson& object) : out_(out), object_(object) {}

    Result<void> run() {
        DWUBIT_TRY(check_kind());
        out_.model = text_or(member_of(object_, "model_name"));
        for (const auto& [name, config] : object_.at("configs").items()) {
            if (!config.is_object()) return invalid(where(), "configs." + name, "an object");
            const OrderedJson& scores = member_of(object_.at("results"), name);
            if (!scores.is_object()) return invalid(where(), "results." + name, "an object");
            DWUBIT_TRY(read_task(name, config, scores));
        }
        if (out_.tasks.empty()) return errorf(ErrorKind::kInvalidInput, "{}: no task that can be compared", where());
        return {};
    }

private:
    std::string where() const { return out_.file.string(); }

    Result<void> check_kind() {
        if (!object_.is_object()) return errorf(ErrorKind::kInvalidInput, "{} is no JSON object", where());
        const OrderedJson& schema = member_of(object_, "schema");
        if (!schema.is_null() && schema != kSchema) {
            return errorf(ErrorKind::kUnsupported, "{} is of schema {}; this version of dwubit reads {}", where(),
                          printable(dump_json(schema)), kSchema);
        }
        for (const char* key : {"results", "configs", "versions"}) {
            if (!member_of(object_, key).is_object()) {
                return invalid(where(), key, "an object").with_hint("is it a results file of dwubit eval or lm_eval?");
            }
        }
        const OrderedJson& dwubit = member_of(object_, "dwubit_version");
        const OrderedJson& harness = member_of(object_, "lm_eval_version");
        if (dwubit.is_string()) {
            out_.program = "dwubit " + dwubit.get<std::string>();
        } else if (harness.is_string()) {
            out_.program = "lm_eval " + harness.get<std::string>();
        } else if (object_.contains("git_hash")) {  // of a harness too old to say its version
            out_.program = "lm_eval";
        } else {
            return errorf(ErrorKind::kInvalidInput, "{}: neither 'dwubit_version' nor 'lm_eval_version' is there",
                          where());
        }
        return {};
    }

    Result<void> read_task(const std::string& name, const OrderedJson& config, const OrderedJson& scores) {
        LoadedTask task;
        task.name = name;
        const std::string type = text_or(member_of(config, "output_type"), "generate_until");
        const auto output_type = output_type_of(type);
        if (!output_type) {
            return invalid(where(), fmt::format("configs.{}.output_type", name),
                           "loglikelihood, loglikelihood_rolling, multiple_choice or generate_until");
        }
        task.output_type = *output_type;
        task.version = dump_json(member_of(object_.at("versions"), name));
        const OrderedJson& shots = member_of(object_, "n-shot");
        task.shots = dump_json(shots.is_object() ? member_of(shots, name) : OrderedJson());
        DWUBIT_TRY(read_metrics(config, scores, task));
        if (task.metrics.empty()) {
            out_.warnings.push_back(
                fmt::format("{}: task '{}' is left out: no metric that can be compared", where(), printable(name)));
            return {};
        }
        sort_metrics(config, task);
        task.primary_metric = task.metrics.front().key();
        out_.tasks.push_back(std::move(task));
        return {};
    }

    Result<void> read_metrics(const OrderedJson& config, const OrderedJson& scores, LoadedTask& task) {
        for (const auto& [key, value] : scores.items()) {
            const auto comma = key.find(',');
            if (comma == std::string::npos) continue;
            LoadedMetric metric;
            metric.name = key.substr(0, comma);
            metric.filter = key.substr(comma + 1);
            if (metric.name.ends_with(kErrorEnd)) continue;
            const OrderedJson entry = metric_entry(config, metric.name);
            const auto defaults = metric_defaults(task.output_type, metric.name);
            const std::string aggregation =
                text_or(member_of(entry, "aggregation"), defaults ? std::string(defaults->aggregation) : "");
            const auto found = find_aggregation(aggregation);
            if (!found.ok()) {
                out_.warnings.push_back(
                    fmt::format("{}: metric '{}' of task '{}' is left out: {}", where(), printable(metric.name),
                                printable(task.name),
                                aggregation.empty() ? "no word of how it is aggregated" : found.error().message));
                continue;
            }
            metric.aggregation = *found;
            if (metric.aggregation->takes == ValueKind::kNothing) continue;
            metric.higher_is_better = direction(task.name, metric.name, entry, !defaults || defaults->higher_is_better);
            if (!value.is_number() && !value.is_null()) {
                return invalid(where(), fmt::format("results.{}.{}", task.name, key), "a number");
            }
            if (value.is_number() && std::isfinite(value.get<double>())) metric.score = value.get<double>();
            task.metrics.push_back(std::move(metric));
        }
        return {};
    }

    // The last of that name, as the harness reads the list; an empty object where there is none.
    static OrderedJson metric_entry(const OrderedJson& config, const std::string& name) {
        OrderedJson found = OrderedJson::object();
        const OrderedJson& list = member_of(config, "metric_list");
        if (!list.is_array()) return found;
        for (const OrderedJson& entry : list) {
            if (entry.is_object() && text_or(member_of(entry, "metric")) == name) found = entry;
        }
        return found;
    }

    bool direction(const std::string& task, const std::string& metric, const OrderedJson& entry, bool fallback) const {
        const OrderedJson& directions = member_of(object_, "higher_is_better");
        if (directions.is_object() && member_of(directions, task).is_object()) {
            const OrderedJson& value = member_of(directions.at(task), metric);
            if (value.is_boolean()) return value.get<bool>();
        }
        const OrderedJson& value = member_of(entry, "higher_is_better");
        return value.is_boolean() ? value.get<bool>() : fallback;
    }

    // The first of metric_list first, then that of the next; the file's order of filters within.
    static void sort_metrics(const OrderedJson& config, LoadedTask& task) {
        std::map<std::string, std::size_t> ranks;
        const OrderedJson& list = member_of(config, "metric_list");
        if (list.is_array()) {
            for (const OrderedJson& entry : list) {
                if (entry.is_object()) ranks.emplace(text_or(member_of(entry, "metric")), ranks.size());
            }
        }
        const auto rank = [&](const LoadedMetric& metric) {
            const auto found = ranks.find(metric.name);
            return found == ranks.end() ? ranks.size() : found->second;
        };
        std::stable_sort(task.metrics.begin(), task.metrics.end(),
                         [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    }

    LoadedResults& out_;
    const OrderedJson& object_;
};

// --- samples -------------------------------------------------------------------------------------------------------

std::string hash_member(const OrderedJson& line, const char* key, const OrderedJson& what) {
    const OrderedJson& given = member_of(line, key);
    return given.is_string() ? given.get<std::string>() : sha256_hex(dump_json(what));
}

// The lines of one task: per filter every document once.
class SamplesReader {
public:
    explicit SamplesReader(LoadedTask& task) : task_(task) {
        for (const LoadedMetric& metric : task_.metrics) {
            if (std::find(filters_.begin(), filters_.end(), metric.filter) == filters_.end()) {
                filters_.push_back(metric.filter);
            }
        }
    }

    Result<void> add(const OrderedJson& line, const std::string& place) {
        const OrderedJson& id = member_of(line, "doc_id");
        if (!id.is_number_integer() || id.get<double>() < 0 || id.get<double>() > static_cast<double>(kMostId)) {
            return invalid(place, "doc_id", fmt::format("an integer from 0 to {}", kMostId));
        }
        LoadedDocument document = document_of(line, id.get<std::int64_t>());
        const auto [at, is_new] = places_.emplace(document.id, documents_.size());
        if (is_new) {
            documents_.emplace_back();
            documents_.back().document = document;
        }
        Entry& entry = documents_[at->second];
        if (entry.document.doc_hash != document.doc_hash || entry.document.prompt_hash != document.prompt_hash) {
            return errorf(ErrorKind::kInvalidInput, "{}: document {} is there twice, with two texts", place,
                          document.id);
        }
        DWUBIT_ASSIGN(const std::string filter, filter_of(line, place, entry));
        if (!entry.filters.insert(filter).second) {
            return errorf(ErrorKind::kInvalidInput, "{}: document {} is there twice for filter '{}'", place,
                          document.id, printable(filter));
        }
        for (std::size_t m = 0; m < task_.metrics.size(); ++m) {
            const LoadedMetric& metric = task_.metrics[m];
            const auto value = line.find(metric.name);
            if (metric.filter == filter && value != line.end()) entry.values[m] = *value;
        }
        return {};
    }

    // Documents by id, and each metric's values in that order.
    void finish() {
        for (const auto& [id, at] : places_) {
            Entry& entry = documents_[at];
            task_.documents.push_back(std::move(entry.document));
            for (std::size_t m = 0; m < task_.metrics.size(); ++m) {
                const auto value = entry.values.find(m);
                task_.metrics[m].values.push_back(
                    value == entry.values.end() ? std::nullopt : std::optional<OrderedJson>(std::move(value->second)));
            }
        }
    }

private:
    struct Entry {
        LoadedDocument document;
        std::set<std::string> filters;
        std::map<std::size_t, OrderedJson> values;  // by number of the metric
    };

    LoadedDocument document_of(const OrderedJson& line, std::int64_t id) const {
        LoadedDocument document;
        document.id = id;
        document.doc_hash = hash_member(line, "doc_hash", member_of(line, "doc"));
        document.prompt_hash = hash_member(line, "prompt_hash", member_of(line, "arguments"));
        document.target_hash = hash_member(line, "target_hash", member_of(line, "target"));
        const OrderedJson& answers = member_of(line, "resps");
        if (task_.output_type != OutputType::kMultipleChoice || !answers.is_array()) return document;
        const bool mutual = std::any_of(task_.metrics.begin(), task_.metrics.end(),
                                        [](const LoadedMetric& metric) { return metric.name == "acc_mutual_info"; });
        document.choices = static_cast<std::int64_t>(answers.size() / (mutual ? 2 : 1));
        return document;
    }

    // Older harnesses do not name the filter: a document's first line is of the first one.
    Result<std::string> filter_of(const OrderedJson& line, const std::string& place, const Entry& entry) const {
        const OrderedJson& name = member_of(line, "filter");
        if (name.is_string()) return name.get<std::string>();
        if (!name.is_null()) return invalid(place, "filter", "text");
        if (entry.filters.size() < filters_.size()) return filters_[entry.filters.size()];
        return errorf(ErrorKind::kInvalidInput, "{}: document {} is there more often than there are filters ({})",
                      place, entry.document.id, filters_.size());
    }

    LoadedTask& task_;
    std::vector<std::string> filters_;
    std::map<std::int64_t, std::size_t> places_;
    std::vector<Entry> documents_;
};

Result<void> read_samples(const ResultsFiles& files, LoadedTask& task) {
    task.samples =
        files.results.parent_path() / fmt::format("samples_{}_{}.jsonl", sanitized_name(task.name), files.stamp);
    std::error_code error;
    if (!std::filesystem::exists(task.samples, error)) {
        return errorf(ErrorKind::kNotFound, "{} is not there: what the model answered to each document of task '{}'",
                      task.samples.string(), printable(task.name))
            .with_hint("run eval with --log_samples");
    }
    DWUBIT_ASSIGN(const std::string text, read_text(task.samples, kMostSampleBytes));
    DWUBIT_ASSIGN(const auto source, open_byte_source(std::as_bytes(std::span(text)), Compression::kNone));
    SamplesReader reader(task);
    DWUBIT_TRY(read_json_objects(
        *source, task.samples.string(),
        [&](OrderedJson line, const std::string& place) -> Result<void> { return reader.add(line, place); }));
    reader.finish();
    return {};
}

}  // namespace

Result<LoadedResults> load_results(const std::filesystem::path& path) {
    DWUBIT_ASSIGN(const ResultsFiles files, find_results_files(path));
    LoadedResults out;
    out.file = files.results;
    if (!files.older.empty()) {
        out.warnings.push_back(fmt::format("{} has {} results files: {} is the newest by name and is taken",
                                           path.string(), files.older.size() + 1, files.results.string()));
    }
    DWUBIT_ASSIGN(const std::string text, read_text(files.results, kMostResultsBytes));
    auto object = parse_ordered_json(text);
    if (!object.ok()) {
        object.error().message = fmt::format("{}: {}", files.results.string(), object.error().message);
        return std::move(object).error();
    }
    DWUBIT_TRY(ResultsReader(out, *object).run());
    for (LoadedTask& task : out.tasks) DWUBIT_TRY(read_samples(files, task));
    return out;
}

}  // namespace dwubit
