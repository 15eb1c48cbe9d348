#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "arguments.h"
#include "base/error.h"
#include "base/text.h"
#include "command.h"
#include "eval/run_eval.h"

namespace dwubit::cli {
namespace {

constexpr std::int64_t kMaxShots = 1000;
constexpr std::int64_t kMaxBatch = 65'536;
constexpr std::int64_t kMaxResamples = 10'000'000;

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const auto comma = text.find(',');
        if (comma != 0) parts.emplace_back(text.substr(0, comma));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return parts;
}

// A value as Python would read it: true, false, a number, else text.
OrderedJson parse_value(const std::string& text) {
    if (text == "true" || text == "True") return true;
    if (text == "false" || text == "False") return false;
    std::int64_t integer = 0;
    const char* end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, integer); read.ec == std::errc() && read.ptr == end) {
        return integer;
    }
    double number = 0;
    if (const auto read = std::from_chars(text.data(), end, number); read.ec == std::errc() && read.ptr == end) {
        return number;
    }
    return text;
}

// "key=value,key=value"
Result<OrderedJson> parse_pairs(const std::string& text, const char* flag) {
    OrderedJson pairs = OrderedJson::object();
    for (const std::string& pair : split(text)) {
        const auto equals = pair.find('=');
        if (equals == std::string::npos || equals == 0) {
            return errorf(ErrorKind::kUsage, "{}: '{}' must be key=value", flag, printable(pair));
        }
        pairs[pair.substr(0, equals)] = parse_value(pair.substr(equals + 1));
    }
    return pairs;
}

Result<ScorerOptions> read_model_args(const std::string& text) {
    ScorerOptions options;
    DWUBIT_ASSIGN(const OrderedJson arguments, parse_pairs(text, "--model_args"));
    for (const auto& [key, value] : arguments.items()) {
        if (key == "add_bos_token" && value.is_boolean()) {
            options.add_bos = value.get<bool>();
        } else if (key == "max_length" && value.is_number_integer()) {
            options.max_length = value.get<std::int64_t>();
        } else {
            return errorf(ErrorKind::kUsage, "--model_args: unknown key or value '{}={}'", printable(key),
                          printable(dump_json(value)))
                .with_hint("add_bos_token=true|false, max_length=N");
        }
    }
    return options;
}

Result<Harness> read_harness(const std::string& name) {
    if (name == "0.4") return Harness::kCurrent;
    if (name == "polish") return Harness::kPolish;
    return errorf(ErrorKind::kUsage, "--harness {}: must be 0.4 or polish", printable(name));
}

class Eval final : public Command {
public:
    void declare(CLI::App& app) override {
        add_model(app, model_);
        app.add_option("--tasks", tasks_, "names of tasks, groups or tags, patterns, YAML files; separated by commas")
            ->required();
        add_task_folders(app, include_paths_);
        app.add_option("--datasets", datasets_, "folder of datasets: DIR/<dataset_path>/<split>.jsonl|.csv|.parquet")
            ->take_all();
        add_integer(app, "--num-fewshot", num_fewshot_, 0, kMaxShots, "examples in front of each document");
        add_number(app, "--limit", limit_, 0, 1e12, "first documents of each task, or their share below 1; 0 = all");
        app.add_option("--model-args", model_args_, "add_bos_token=true|false,max_length=N");
        app.add_option("--gen-kwargs", gen_kwargs_, "key=value,...: replaces keys of the tasks' generation_kwargs");
        add_integer(app, "--batch-size", batch_size_, 0, kMaxBatch, "sequences evaluated together, 0 = automatic");
        add_integer(app, "--bootstrap-iters", bootstrap_iters_, 0, kMaxResamples,
                    "resamples for standard errors without a formula, 0 = no standard errors");
        app.add_flag("--log-samples", log_samples_, "write what the model answered to each document");
        app.add_option("-o,--output-path", output_, "folder of results and samples files");
        app.add_option("--harness", harness_, "0.4|polish: whose rules")->capture_default_str();
        add_act(app, act_name_);
    }

    Result<Json> run(Console& console, const CommonOptions& common) override {
        EvalRequest request{.model = model_, .tasks = split(tasks_), .include_paths = {}, .output = output_};
        if (request.tasks.empty()) return make_error(ErrorKind::kUsage, "--tasks is empty: name at least one");
        DWUBIT_ASSIGN(request.include_paths, task_folders(include_paths_));
        DWUBIT_ASSIGN(request.scorer, read_model_args(model_args_));
        request.scorer.batch_size = batch_size_;
        DWUBIT_ASSIGN(request.act, resolve_act(act_name_));
        DWUBIT_ASSIGN(request.options.generation, parse_pairs(gen_kwargs_, "--gen_kwargs"));
        DWUBIT_ASSIGN(const Harness harness, read_harness(harness_));
        request.options.build.harness = harness;
        if (num_fewshot_ >= 0) request.options.build.num_fewshot = num_fewshot_;
        if (limit_ > 0) request.options.build.limit = limit_;
        request.options.score.harness = harness;
        request.options.score.bootstrap_iters = bootstrap_iters_;
        request.options.datasets.folders = datasets_;
        request.model_args = model_args_;
        request.device = common.device;
        request.log_samples = log_samples_;
        if (log_samples_ && !output_) {
            return make_error(ErrorKind::kUsage, "--log_samples needs --output_path, the folder to write to");
        }
        DWUBIT_ASSIGN(const auto pool, common.make_pool());
        DWUBIT_ASSIGN(const EvalAnswer answer, run_eval(request, *pool, console.progress(),
                                                        [&](const std::string& line) { console.warn(line); }));
        console.print(answer.table);
        return Json(answer.object);
    }

private:
    std::filesystem::path model_;
    std::string tasks_;
    std::vector<std::filesystem::path> include_paths_;
    std::vector<std::filesystem::path> datasets_;
    std::int64_t num_fewshot_ = -1;
    double limit_ = 0;
    std::string model_args_;
    std::string gen_kwargs_;
    std::int64_t batch_size_ = 0;
    std::int64_t bootstrap_iters_ = 100'000;
    bool log_samples_ = false;
    std::optional<std::filesystem::path> output_;
    std::string harness_ = "0.4";
    std::string act_name_ = "auto";
};

}  // namespace

std::unique_ptr<Command> make_eval() {
    return std::make_unique<Eval>();
}

}  // namespace dwubit::cli
