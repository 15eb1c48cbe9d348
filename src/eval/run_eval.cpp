#include "eval/run_eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "dwubit/version.h"
#include "eval/model_text.h"
#include "eval/results.h"
#include "runtime/model/footprint.h"
#include "runtime/model/open_model.h"

namespace dwubit {
namespace {

double seconds_since_1970(std::chrono::system_clock::time_point time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double monotonic_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::optional<NamedToken> named(const Tokenizer& tokenizer, std::optional<TokenId> id) {
    const TokenInfo* token = id ? tokenizer.token(*id) : nullptr;
    return token != nullptr ? std::optional(NamedToken{token->text, *id}) : std::nullopt;
}

RunInfo run_info(const EvalRequest& request, const Model& model, const Tokenizer& tokenizer, const Scorer& scorer) {
    RunInfo info;
    info.model = request.name.value_or(request.model.string());
    info.model_args = request.model_args;
    info.parameters = static_cast<std::int64_t>(measure_footprint({model.directory(), model.config()}).parameters);
    info.dtype = act_name(model.act());
    const std::int64_t batch_size = request.scorer.batch_size;
    info.batch_size = batch_size > 0 ? OrderedJson(batch_size) : OrderedJson("auto");
    info.device = request.device;
    info.limit = request.options.build.limit;
    info.bootstrap_iters = request.options.score.bootstrap_iters;
    if (!request.options.generation.empty()) info.gen_kwargs = request.options.generation;
    info.fewshot_seed = request.options.build.fewshot_seed;
    info.max_length = scorer.max_length();
    if (!model.config().eos_ids.empty()) {
        info.eos_id = model.config().eos_ids.front();
        info.eos = named(tokenizer, model.config().eos_ids.front());
    }
    info.bos = named(tokenizer, tokenizer.bos());
    info.environment = fmt::format("dwubit {}, kernel {}", version(), model.head().kernel().name);
    return info;
}

}  // namespace

Result<EvalAnswer> run_eval(const EvalRequest& request, ThreadPool& pool, ProgressSink& progress,
                            const std::function<void(std::string)>& warn) {
    EvaluateOptions options = request.options;
    options.score.samples = request.log_samples;
    options.score.pool = &pool;
    const auto now = std::chrono::system_clock::now();
    const double start = monotonic_seconds();
    DWUBIT_ASSIGN(const TaskIndex index, TaskIndex::open(request.include_paths));
    DWUBIT_ASSIGN(const Selection selection, index.select(request.tasks));
    // Before the model: what is wrong with the tasks is said at once.
    DWUBIT_ASSIGN(std::vector<BuiltTask> tasks, build_tasks(selection, options));
    DWUBIT_ASSIGN(const Tokenizer tokenizer, load_tokenizer(request.model));
    DWUBIT_ASSIGN(const Model model, Model::load(request.model, request.act, pool, progress));
    if (const auto warning = vocabulary_warning(tokenizer, model.config())) warn(*warning);
    DWUBIT_ASSIGN(Scorer scorer, Scorer::create(model, tokenizer, pool, request.scorer));
    DWUBIT_ASSIGN(const Evaluation evaluation, evaluate(std::move(tasks), scorer, options, progress));

    RunInfo info = run_info(request, model, tokenizer, scorer);
    info.tokens_evaluated = evaluation.counts.tokens_evaluated;
    info.tokens_reused = evaluation.counts.tokens_reused;
    if (!request.stamp) {
        info.date = seconds_since_1970(now);
        info.start_time = start;
        info.end_time = monotonic_seconds();
    }
    std::vector<TaskResult> results;
    for (const EvaluatedTask& task : evaluation.tasks) results.push_back({task.task, task.scores});
    EvalAnswer answer;
    answer.object = results_object(info, results, selection.groups);
    if (request.output) {
        DWUBIT_TRY(write_results(*request.output, request.stamp.value_or(results_stamp(now)), results,
                                 request.stamp ? FileNames::kBeside : FileNames::kPaths, answer.object));
    }
    answer.table = results_table(answer.object);
    if (!selection.groups.empty()) answer.table += results_table(answer.object, ResultsTable::kGroups);
    return answer;
}

}  // namespace dwubit
