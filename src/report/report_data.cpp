#include "report/report_data.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace dwubit::report {
namespace {

constexpr std::string_view kSchema = "dwubit.report/1";
constexpr double kLargest = std::numeric_limits<double>::max();

// Members of one object. The first that is wrong is kept as the error and the rest is read as empty, so that a reader
// is a list of its members and one check at the end.
class Reader {
public:
    Reader(const Json& object, std::string where) : where_(std::move(where)), fields_(object, where_) {}

    Number number(std::string_view key) {
        const Json* const value = fields_.find(key);
        if (value == nullptr) return std::nullopt;
        if (value->is_number_float() && !std::isfinite(value->get<double>())) return std::nullopt;  // null in a file
        return taken(fields_.number(key, -kLargest, kLargest));
    }

    Count count(std::string_view key) {
        if (!fields_.has(key)) return std::nullopt;
        return taken(fields_.integer(key, 0, std::numeric_limits<std::int64_t>::max()));
    }

    std::optional<bool> boolean(std::string_view key) {
        if (!fields_.has(key)) return std::nullopt;
        return taken(fields_.boolean(key));
    }

    // Empty where there is none.
    std::string text(std::string_view key) { return taken(fields_.string(key, "")).value_or(""); }

    std::string name(std::string_view key) {
        std::string value = taken(fields_.string(key)).value_or("");
        if (ok() && value.empty()) fail(fields_.invalid(key, "a name"));
        return value;
    }

    // An empty object or array where there is none.
    const Json& object(std::string_view key) {
        static const Json kNone = Json::object();
        const Json* const value = fields_.find(key);
        if (value != nullptr && !value->is_object()) fail(fields_.invalid(key, "an object or null"));
        return value != nullptr && value->is_object() ? *value : kNone;
    }
    const Json& array(std::string_view key) {
        static const Json kNone = Json::array();
        const Json* const value = fields_.find(key);
        if (value != nullptr && !value->is_array()) fail(fields_.invalid(key, "an array or null"));
        return value != nullptr && value->is_array() ? *value : kNone;
    }

    bool has(std::string_view key) const { return fields_.has(key); }
    std::string inner(std::string_view key) const { return fmt::format("{}.{}", where_, printable(key)); }
    std::string inner(std::string_view key, std::size_t at) const { return fmt::format("{}.{}[{}]", where_, key, at); }
    const Fields& fields() const { return fields_; }

    bool ok() const { return !error_; }
    void fail(Error error) {
        if (!error_) error_ = std::move(error);
    }
    template <class T>
    Result<T> finish(T value) {
        if (error_) return *std::move(error_);
        return value;
    }
    // The value of a nested reader, or a default one after its error.
    template <class T>
    T taken_or(Result<T> value, T fallback) {
        if (value.ok()) return std::move(value).value();
        fail(std::move(value).error());
        return fallback;
    }

private:
    template <class T>
    std::optional<T> taken(Result<T> value) {
        if (value.ok()) return std::move(value).value();
        fail(std::move(value).error());
        return std::nullopt;
    }

    std::string where_;
    Fields fields_;
    std::optional<Error> error_;
};

Result<Reader> open(const Json& value, const std::string& where) {
    if (value.is_object()) return Reader(value, where);
    return errorf(ErrorKind::kInvalidInput, "{} must be an object, got {}", where, printable(dump_json(value), 60));
}

Result<Task> read_task(const Json& value, const std::string& where) {
    auto opened = open(value, where);
    if (!opened.ok()) return std::move(opened).error();
    Reader& in = opened.value();
    Task task;
    task.name = in.name("name");
    task.metric = in.text("metric");
    task.kind = in.text("kind");
    task.chance = in.number("chance");
    task.documents = in.count("documents");
    task.higher_is_better = in.boolean("higher_is_better").value_or(true);
    task.above_chance = in.boolean("above_chance");
    return in.finish(std::move(task));
}

Result<TaskScore> read_score(const Json& value, const std::string& where) {
    auto opened = open(value, where);
    if (!opened.ok()) return std::move(opened).error();
    Reader& in = opened.value();
    TaskScore score;
    score.score = in.number("score");
    score.low = in.number("low");
    score.high = in.number("high");
    score.difference = in.number("difference");
    score.difference_low = in.number("difference_low");
    score.difference_high = in.number("difference_high");
    score.within_noise = in.boolean("within_noise");
    if (in.has("flips")) {
        Reader flips(in.object("flips"), in.inner("flips"));
        score.lost = flips.count("lost");
        score.gained = flips.count("gained");
        score = in.taken_or(flips.finish(score), TaskScore{});
    }
    return in.finish(score);
}

std::optional<Retention> read_retention(Reader& in, std::string_view key) {
    if (!in.has(key)) return std::nullopt;
    Reader inner(in.object(key), in.inner(key));
    const Number value = inner.number("value");
    Retention retention{value.value_or(0), inner.number("low"), inner.number("high"), inner.count("tasks")};
    retention = in.taken_or(inner.finish(retention), Retention{});
    return value ? std::optional(retention) : std::nullopt;
}

std::optional<Part> read_part(Reader& in, std::string_view key) {
    if (!in.has(key)) return std::nullopt;
    Reader inner(in.object(key), in.inner(key));
    Part part{inner.text("format"), inner.count("bytes")};
    return in.taken_or(inner.finish(std::move(part)), Part{});
}

void read_quality(Reader& in, Model& model) {
    Reader perplexity(in.object("perplexity"), in.inner("perplexity"));
    model.perplexity = {perplexity.number("value"), perplexity.number("stderr"), perplexity.number("ratio"),
                        perplexity.count("predictions")};
    model.perplexity = in.taken_or(perplexity.finish(model.perplexity), Perplexity{});
    Reader kl(in.object("kl"), in.inner("kl"));
    model.divergence = {kl.number("mean"), kl.number("stderr"), kl.number("same_top1"), kl.number("noise_floor"),
                        kl.number("p50"),  kl.number("p99"),    kl.number("max")};
    model.divergence = in.taken_or(kl.finish(model.divergence), Divergence{});
    Reader seconds(in.object("seconds"), in.inner("seconds"));
    model.seconds = {seconds.number("quantize"), seconds.number("perplexity"), seconds.number("eval")};
    model.seconds = in.taken_or(seconds.finish(model.seconds), Seconds{});
}

void read_tensors(Reader& in, Model& model) {
    const Json& tensors = in.array("tensors");
    for (std::size_t i = 0; i < tensors.size() && in.ok(); ++i) {
        auto opened = open(tensors[i], in.inner("tensors", i));
        if (!opened.ok()) return in.fail(std::move(opened).error());
        Reader& tensor = opened.value();
        TensorLoss loss{tensor.name("name"), tensor.number("relative_proxy")};
        model.tensors.push_back(in.taken_or(tensor.finish(std::move(loss)), TensorLoss{}));
    }
}

Result<Model> read_model(const Json& value, const std::string& where) {
    auto opened = open(value, where);
    if (!opened.ok()) return std::move(opened).error();
    Reader& in = opened.value();
    Model model;
    model.id = in.name("id");
    model.method = in.text("method");
    model.recipe = in.text("recipe");
    model.parameters = in.object("parameters");
    model.bits_linears = in.number("bits_per_weight_linears");
    model.bits_file = in.number("bits_per_weight_file");
    model.bytes = in.count("bytes");
    model.bytes_per_token = in.count("bytes_per_token");
    model.embedding = read_part(in, "embedding");
    model.head = read_part(in, "head");
    read_quality(in, model);
    for (const auto& [name, score] : in.object("tasks").items()) {
        if (score.is_null()) continue;
        model.tasks[name] = in.taken_or(read_score(score, in.inner("tasks." + name)), TaskScore{});
    }
    model.choice = read_retention(in, "choice_retention");
    model.generation = read_retention(in, "generation_retention");
    model.mean_relative_proxy = in.number("mean_relative_proxy");
    read_tensors(in, model);
    return in.finish(std::move(model));
}

void read_run(Reader& in, Report& report) {
    Reader run(in.object("run"), in.inner("run"));
    const Json& inputs = run.array("inputs");
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        auto opened = open(inputs[i], run.inner("inputs", i));
        if (!opened.ok()) return in.fail(std::move(opened).error());
        Reader& input = opened.value();
        Input read{input.name("name"), input.text("path"), input.text("sha256")};
        report.inputs.push_back(in.taken_or(input.finish(std::move(read)), Input{}));
    }
    const Json& steps = run.array("steps");
    for (std::size_t i = 0; i < steps.size(); ++i) {
        auto opened = open(steps[i], run.inner("steps", i));
        if (!opened.ok()) return in.fail(std::move(opened).error());
        Reader& step = opened.value();
        Step read{step.name("id"),       step.text("key"),       step.text("outputs_sha256"),
                  step.text("finished"), step.number("seconds"), step.object("environment")};
        report.steps.push_back(in.taken_or(step.finish(std::move(read)), Step{}));
    }
    report.settings = run.object("settings");
    report.total_seconds = run.number("total_seconds");
    in.taken_or(run.finish(0), 0);
}

// What no single member shows: names that must differ, names that must exist.
Result<void> check_names(const Report& report, const std::string& base) {
    std::set<std::string> tasks;
    for (const Task& task : report.tasks) {
        if (tasks.insert(task.name).second) continue;
        return errorf(ErrorKind::kInvalidInput, "report: task '{}' is there twice", printable(task.name));
    }
    std::set<std::string> models;
    for (const Model& model : report.models) {
        if (!models.insert(model.id).second) {
            return errorf(ErrorKind::kInvalidInput, "report: model '{}' is there twice", printable(model.id));
        }
        for (const auto& [name, score] : model.tasks) {
            if (tasks.count(name) > 0) continue;
            return errorf(ErrorKind::kInvalidInput, "report: model '{}' has task '{}', which is none of 'tasks'",
                          printable(model.id), printable(name));
        }
    }
    if (models.count(base) > 0) return {};
    return errorf(ErrorKind::kInvalidInput, "report: 'base' must be the id of one of 'models', got \"{}\"",
                  printable(base));
}

}  // namespace

Result<Report> read_report(const Json& object) {
    auto opened = open(object, "report");
    if (!opened.ok()) return std::move(opened).error();
    Reader& in = opened.value();
    if (in.ok() && in.text("schema") != kSchema) in.fail(in.fields().invalid("schema", fmt::format("\"{}\"", kSchema)));
    Report report;
    report.version = in.text("version");
    Reader study(in.object("study"), in.inner("study"));
    report.name = study.text("name");
    report.title = study.text("title");
    report.file = study.text("file");
    report.sha256 = study.text("sha256");
    in.taken_or(study.finish(0), 0);
    const std::string base = in.name("base");
    const Json& tasks = in.array("tasks");
    for (std::size_t i = 0; i < tasks.size() && in.ok(); ++i) {
        report.tasks.push_back(in.taken_or(read_task(tasks[i], in.inner("tasks", i)), Task{}));
    }
    const Json& models = in.array("models");
    for (std::size_t i = 0; i < models.size() && in.ok(); ++i) {
        report.models.push_back(in.taken_or(read_model(models[i], in.inner("models", i)), Model{}));
        if (report.models.back().id == base) report.base = i;
    }
    read_run(in, report);
    const Json& warnings = in.array("warnings");
    for (std::size_t i = 0; i < warnings.size(); ++i) {
        if (!warnings[i].is_string()) in.fail(in.fields().invalid("warnings", "an array of strings"));
        if (in.ok()) report.warnings.push_back(warnings[i].get<std::string>());
    }
    if (!in.ok()) return in.finish(Report{});
    DWUBIT_TRY(check_names(report, base));
    return report;
}

}  // namespace dwubit::report
