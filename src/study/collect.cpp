#include "study/collect.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "checkpoint/stored_tensor.h"
#include "dwubit/version.h"
#include "eval/paired.h"
#include "runtime/model/footprint.h"
#include "runtime/model/open_model.h"
#include "study/outputs.h"
#include "study/study_file.h"

namespace dwubit {
namespace {

namespace fs = std::filesystem;

using Records = std::map<std::string, StepRecord>;

const StepRecord* done(const Records& records, const std::string& step) {
    const auto found = records.find(step);
    return found != records.end() && found->second.state == StepState::kDone ? &found->second : nullptr;
}

// Where a weight matrix outside the layers lies, and how large it is.
Json matrix_json(const OpenModel& model, const std::string& module) {
    const auto packed = model.config.packed.find(module);
    if (packed != model.config.packed.end()) {
        for (const LinearShape& linear : all_linears(model.config)) {
            if (linear.module != module) continue;
            return {{"format", packed->second.format->id}, {"bytes", linear_bytes(model, linear)}};
        }
    }
    const TensorView* const weight = model.directory.tensors.find(module + ".weight");
    if (weight == nullptr) return nullptr;
    return {{"format", stored_type_name(*weight)}, {"bytes", weight->bytes.size()}};
}

// One member of the study's note, of the type that the study wrote.
Result<std::string> text_of(const Json& object, const char* key) {
    return Fields(object, std::string(kJournalFile)).string(key);
}

// The part of the report that is about one model.
class ModelReport {
public:
    ModelReport(const fs::path& folder, const Json& note, const Records& records, bool timings)
        : folder_(folder), note_(note), records_(records), timings_(timings), object_(Json::object()) {}

    Result<Json> collect() {
        DWUBIT_ASSIGN(id_, text_of(note_, "id"));
        object_ = {{"id", id_},
                   {"method", note_.value("method", Json())},
                   {"recipe", note_.value("recipe", Json())},
                   {"parameters", note_.value("parameters", Json())}};
        DWUBIT_TRY(add_size());
        DWUBIT_TRY(add_manifest());
        DWUBIT_TRY(add_perplexity());
        add_seconds();
        return std::move(object_);
    }

private:
    bool is_base() const { return id_ == kBaseId; }

    Result<void> add_size() {
        DWUBIT_ASSIGN(const std::string path, text_of(note_, "path"));
        const auto model = open_model(is_base() ? fs::path(path) : folder_ / path);
        // The base may lie elsewhere by the time a report is written again.
        if (!model.ok() && is_base()) {
            for (const char* key :
                 {"bits_per_weight_linears", "bits_per_weight_file", "bytes", "bytes_per_token", "embedding", "head"}) {
                object_[key] = nullptr;
            }
            return {};
        }
        if (!model.ok()) return model.error();
        const Footprint footprint = measure_footprint(*model);
        const GlobalTensorNames names = global_tensor_names(model->config);
        object_["bits_per_weight_linears"] = footprint.bits_per_weight_linears();
        object_["bits_per_weight_file"] = footprint.bits_per_weight_file();
        object_["bytes"] = footprint.bytes;
        object_["bytes_per_token"] = footprint.bytes_per_token;
        object_["embedding"] = matrix_json(*model, names.embedding);
        object_["head"] = model->config.tied_embeddings ? Json{{"format", "tied to the embedding"}, {"bytes", 0}}
                                                        : matrix_json(*model, names.head);
        return {};
    }

    Result<void> add_manifest() {
        object_["tensors"] = Json::array();
        object_["mean_relative_proxy"] = nullptr;
        object_["mean_relative_frobenius"] = nullptr;
        if (is_base()) return {};
        DWUBIT_ASSIGN(const std::string path, text_of(note_, "path"));
        const fs::path file = folder_ / path / "dwubit.json";
        DWUBIT_ASSIGN(const Json manifest, read_json_file(file));
        const Fields fields(manifest, file.string());
        DWUBIT_ASSIGN(const Json* const tensors, fields.array("tensors"));
        object_["tensors"] = *tensors;
        for (const char* key : {"mean_relative_proxy", "mean_relative_frobenius"}) {
            const Json* const value = fields.find(key);
            if (value != nullptr) object_[key] = *value;
        }
        return {};
    }

    Result<void> add_perplexity() {
        object_["perplexity"] = nullptr;
        object_["kl"] = nullptr;
        if (done(records_, "perplexity:" + id_) == nullptr) return {};
        const fs::path file = folder_ / "results" / id_ / "perplexity.json";
        DWUBIT_ASSIGN(const Json result, read_json_file(file));
        const Fields fields(result, file.string());
        constexpr double kMost = std::numeric_limits<double>::max();
        DWUBIT_ASSIGN(const double value, fields.number("perplexity", 0, kMost));
        DWUBIT_ASSIGN(const double error, fields.number("stderr", 0, kMost));
        DWUBIT_ASSIGN(const std::int64_t predictions,
                      fields.integer("predictions", 1, std::numeric_limits<std::int64_t>::max()));
        object_["perplexity"] = {{"value", value}, {"stderr", error}, {"ratio", nullptr}, {"predictions", predictions}};
        const Json* const kl = fields.find("kl");
        if (kl != nullptr) object_["kl"] = *kl;
        return {};
    }

    void add_seconds() {
        object_["seconds"] = nullptr;
        if (!timings_) return;
        Json seconds = Json::object();
        for (const char* step : {"quantize", "perplexity", "eval"}) {
            const StepRecord* const record = done(records_, fmt::format("{}:{}", step, id_));
            seconds[step] = record != nullptr ? Json(record->seconds) : Json();
        }
        object_["seconds"] = std::move(seconds);
    }

    const fs::path& folder_;
    const Json& note_;
    const Records& records_;
    bool timings_;
    std::string id_;
    Json object_;
};

// The results file that the eval step of a model wrote.
std::optional<fs::path> results_file(const fs::path& folder, const Records& records, const std::string& id) {
    const StepRecord* const record = done(records, "eval:" + id);
    if (record == nullptr || !record->outputs.is_array()) return std::nullopt;
    for (const Json& output : record->outputs) {
        const fs::path path = output.value("path", std::string());
        if (path.filename().string().rfind("results_", 0) == 0) return folder / path;
    }
    return std::nullopt;
}

// Scores of tasks with their intervals, paired with the base's; and the list of tasks.
class TaskReport {
public:
    TaskReport(const fs::path& folder, const Records& records, ThreadPool& pool)
        : folder_(folder), records_(records), pool_(pool) {}

    Result<void> add(Json& models, std::vector<std::string>& warnings) {
        for (Json& model : models) {
            model["tasks"] = Json::object();
            model["choice_retention"] = nullptr;
            model["generation_retention"] = nullptr;
        }
        const auto base_file = results_file(folder_, records_, std::string(kBaseId));
        if (!base_file) return {};
        DWUBIT_ASSIGN(const LoadedResults base, load_results(*base_file));
        for (Json& model : models) {
            const auto id = model.at("id").get<std::string>();
            const auto file = results_file(folder_, records_, id);
            if (!file) continue;
            DWUBIT_ASSIGN(const LoadedResults other, load_results(*file));
            DWUBIT_ASSIGN(const Json compared, compare_results(base, other, PairedOptions{}, pool_));
            add_rows(compared, id == kBaseId, model);
            for (const Json& warning : compared.at("warnings")) {
                warnings.push_back(fmt::format("{}: {}", id, warning.get<std::string>()));
            }
        }
        return {};
    }

    Json tasks() && { return std::move(tasks_); }

private:
    void add_rows(const Json& compared, bool is_base, Json& model) {
        for (const Json& row : compared.at("tasks")) {
            if (!row.at("primary").get<bool>()) continue;
            const Json& score = row.at(is_base ? "base" : "other");
            Json entry = {{"score", score.at("score")}, {"low", score.at("low")}, {"high", score.at("high")}};
            for (const char* key : {"difference", "difference_low", "difference_high", "within_noise", "flips"}) {
                entry[key] = is_base ? Json() : row.at(key);
            }
            model["tasks"][row.at("name").get<std::string>()] = std::move(entry);
            if (is_base) add_task(row);
        }
        if (is_base) return;
        model["choice_retention"] = compared.at("choice_retention");
        model["generation_retention"] = compared.at("generation_retention");
    }

    void add_task(const Json& row) {
        Json task = Json::object();
        for (const char* key : {"name", "metric", "kind", "chance", "documents", "higher_is_better", "above_chance"}) {
            task[key] = row.at(key);
        }
        tasks_.push_back(std::move(task));
    }

    const fs::path& folder_;
    const Records& records_;
    ThreadPool& pool_;
    Json tasks_ = Json::array();
};

// Ratio of each perplexity to the base's, where both were measured.
void add_ratios(Json& models) {
    const Json& base = models.front().at("perplexity");
    if (!base.is_object() || base.at("value").get<double>() <= 0) return;
    const double of_base = base.at("value").get<double>();
    for (Json& model : models) {
        Json& perplexity = model["perplexity"];
        if (perplexity.is_object()) perplexity["ratio"] = perplexity.at("value").get<double>() / of_base;
    }
}

// Those of the steps that the study has now, made from what it says now.
Result<Records> current_records(const Fields& note, Journal& journal) {
    DWUBIT_ASSIGN(const Json* const keys, note.object("keys"));
    DWUBIT_ASSIGN(Records records, journal.steps());
    std::erase_if(records, [&](const auto& entry) {
        const auto key = keys->find(entry.first);
        return key == keys->end() || *key != entry.second.key;
    });
    return records;
}

Json steps_json(const Records& records, bool timings, double& total) {
    Json steps = Json::array();
    for (const auto& [id, record] : records) {
        if (record.state != StepState::kDone) continue;
        total += record.seconds;
        steps.push_back({{"id", id},
                         {"key", record.key},
                         {"outputs_sha256", outputs_sha256(record.outputs)},
                         {"seconds", timings ? Json(record.seconds) : Json()},
                         {"environment", timings ? record.environment : Json()},
                         {"finished", timings ? Json(record.finished) : Json()}});
    }
    return steps;
}

// Steps that computed what is compared on unlike machines.
void warn_of_mixture(const Records& records, std::vector<std::string>& warnings) {
    for (const char* kind : {"perplexity:", "eval:", "quantize:"}) {
        std::map<std::string, std::string> machines;  // environment without what changes no figure -> a step
        for (const auto& [id, record] : records) {
            if (record.state != StepState::kDone || id.rfind(kind, 0) != 0 || !record.environment.is_object()) continue;
            Json environment = record.environment;
            for (const char* key : {"threads", "cpu"}) environment.erase(key);
            machines.emplace(dump_json(environment), id);
        }
        if (machines.size() < 2) continue;
        warnings.push_back(fmt::format("{} and {} ran in different environments: their figures may differ by rounding",
                                       machines.begin()->second, machines.rbegin()->second));
    }
}

}  // namespace

Result<Json> collect_report(const fs::path& folder, Journal& journal, bool timings, ThreadPool& pool) {
    DWUBIT_ASSIGN(const auto text, journal.note(kStudyNote));
    if (!text) {
        return errorf(ErrorKind::kNotFound, "{} has no study in it", (folder / kJournalFile).string())
            .with_hint("dwubit study FILE.toml -o DIR begins one");
    }
    DWUBIT_ASSIGN(const Json note, parse_json(*text).context(std::string(kJournalFile)));
    const Fields fields(note, std::string(kJournalFile));
    DWUBIT_ASSIGN(const Json* const entries, fields.array("models"));
    DWUBIT_ASSIGN(const Records records, current_records(fields, journal));

    std::vector<std::string> warnings;
    Json models = Json::array();
    for (const Json& entry : *entries) {
        DWUBIT_ASSIGN(const std::string id, text_of(entry, "id"));
        if (id != kBaseId && done(records, "quantize:" + id) == nullptr) {
            const auto record = records.find("quantize:" + id);
            const bool failed = record != records.end() && record->second.failed;
            warnings.push_back(failed ? fmt::format("{} is not shown: its quantization failed: {}", id,
                                                    record->second.failed->value("message", std::string()))
                                      : fmt::format("{} is not shown: it is not quantized yet", id));
            continue;
        }
        auto model = ModelReport(folder, entry, records, timings).collect();
        if (!model.ok()) return std::move(model).context("model " + id).error();
        models.push_back(std::move(*model));
    }
    add_ratios(models);
    TaskReport tasks(folder, records, pool);
    DWUBIT_TRY(tasks.add(models, warnings));
    for (const auto& [id, record] : records) {
        if (record.failed && id.rfind("quantize:", 0) != 0) {
            warnings.push_back(fmt::format("{} failed: {}", id, record.failed->value("message", std::string())));
        }
    }
    warn_of_mixture(records, warnings);
    double total = 0;
    Json steps = steps_json(records, timings, total);
    return Json{{"schema", "dwubit.report/1"},
                {"version", version()},
                {"study",
                 {{"name", note.value("name", std::string())},
                  {"title", note.value("title", std::string())},
                  {"file", note.value("file", std::string())},
                  {"sha256", note.value("sha256", std::string())}}},
                {"base", kBaseId},
                {"tasks", std::move(tasks).tasks()},
                {"models", std::move(models)},
                {"run",
                 {{"inputs", note.value("inputs", Json::array())},
                  {"steps", std::move(steps)},
                  {"settings", note.value("settings", Json())},
                  {"total_seconds", timings ? Json(total) : Json()}}},
                {"warnings", warnings}};
}

}  // namespace dwubit
