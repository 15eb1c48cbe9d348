#include "study/plan.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "dwubit/version.h"
#include "eval/results.h"
#include "study/estimate.h"
#include "study/optional_json.h"

namespace dwubit {
namespace {

constexpr std::size_t kStampDigits = 12;

std::string key_of(const Json& parts) {
    return sha256_hex(dump_json(parts));
}

// What every key holds.
Json key_parts(StepKind kind) {
    return {{"step", step_kind_name(kind)}, {"dwubit", version()}};
}

std::vector<std::string> texts(const std::vector<std::filesystem::path>& paths) {
    std::vector<std::string> found;
    for (const auto& path : paths) found.push_back(path.string());
    return found;
}

class Planner {
public:
    Planner(const Study& study, const StudyInputs& inputs) : study_(study), inputs_(inputs) {}

    std::vector<StudyStep> plan() {
        if (!study_.methods.empty()) add_calibrate();
        add_measures(std::string(kBaseId), inputs_.model_sha256, {}, study_.model.string());
        for (std::size_t i = 0; i < study_.methods.size(); ++i) {
            const StudyMethod& method = study_.methods[i];
            const std::string quantize = add_quantize(method, inputs_.methods[i]);
            const std::string made_from = steps_.back().key;  // a copy: the steps move
            add_measures(method.id, made_from, {quantize}, "models/" + method.id);
        }
        add_report();
        return std::move(steps_);
    }

private:
    void add_calibrate() {
        Json key = key_parts(StepKind::kCalibrate);
        key.update(Json{{"model", inputs_.model_sha256},
                        {"tokenizer", inputs_.tokenizer_sha256},
                        {"corpus", inputs_.calibration_sha256},
                        {"field", study_.corpus.field},
                        {"bos", study_.corpus.add_bos},
                        {"doc_end", or_null(study_.corpus.document_end)},
                        {"sequences", study_.calibration.sequences},
                        {"length", study_.calibration.length},
                        {"dtype", study_.calibration.dtype},
                        {"device", inputs_.device}});
        add({.id = "calibrate",
             .kind = StepKind::kCalibrate,
             .model = {},
             .depends_on = {},
             .inputs = {study_.model.string(), study_.corpus.calibration.string()},
             .outputs = {"hessians"},
             .key = key_of(key),
             .state = PlanState::kTodo,
             .cost = estimate_calibrate(study_, inputs_)});
        hessians_ = steps_.back().key;
    }

    std::string add_quantize(const StudyMethod& method, const ResolvedMethod& resolved) {
        Json key = key_parts(StepKind::kQuantize);
        key.update(Json{{"model", inputs_.model_sha256},
                        {"tokenizer", inputs_.tokenizer_sha256},
                        {"hessians", hessians_},
                        {"method", method.method},
                        {"recipe", resolved.recipe},
                        {"parameters", resolved.parameters},
                        {"layers", or_null(method.layers)},
                        {"seed", study_.seed},
                        {"device", inputs_.device}});
        std::string id = "quantize:" + method.id;
        add({.id = id,
             .kind = StepKind::kQuantize,
             .model = method.id,
             .depends_on = {"calibrate"},
             .inputs = {study_.model.string(), "hessians"},
             .outputs = {"models/" + method.id},
             .key = key_of(key),
             .state = PlanState::kTodo,
             .cost = estimate_quantize(resolved, inputs_)});
        return id;
    }

    // `made_from`: hash or key of the model that is measured.
    void add_measures(const std::string& id, const std::string& made_from, const std::vector<std::string>& depends_on,
                      const std::string& path) {
        if (study_.perplexity) add_perplexity(id, made_from, depends_on, path);
        if (study_.eval) add_eval(id, made_from, depends_on, path);
    }

    void add_perplexity(const std::string& id, const std::string& made_from, const std::vector<std::string>& depends_on,
                        const std::string& path) {
        const StudyPerplexity& perplexity = *study_.perplexity;
        const bool kl = perplexity.kl && id != kBaseId;
        Json key = key_parts(StepKind::kPerplexity);
        key.update(Json{{"model", made_from},
                        {"tokenizer", inputs_.tokenizer_sha256},
                        {"base", kl ? Json(inputs_.model_sha256) : Json()},
                        {"corpus", inputs_.heldout_sha256},
                        {"field", study_.corpus.field},
                        {"bos", study_.corpus.add_bos},
                        {"doc_end", or_null(study_.corpus.document_end)},
                        {"window", perplexity.window},
                        {"convention", perplexity.convention},
                        {"limit", or_null(perplexity.limit)},
                        {"act", inputs_.perplexity_act}});
        std::vector<std::string> reads = {path, study_.corpus.heldout.string()};
        if (kl) reads.push_back(study_.model.string());
        add({.id = "perplexity:" + id,
             .kind = StepKind::kPerplexity,
             .model = id,
             .depends_on = depends_on,
             .inputs = std::move(reads),
             .outputs = {fmt::format("results/{}/perplexity.json", id)},
             .key = key_of(key),
             .state = PlanState::kTodo,
             .cost = estimate_perplexity(perplexity, kl, inputs_)});
    }

    void add_eval(const std::string& id, const std::string& made_from, const std::vector<std::string>& depends_on,
                  const std::string& path) {
        const StudyEval& eval = *study_.eval;
        Json key = key_parts(StepKind::kEval);
        key.update(Json{{"model", made_from},
                        {"tokenizer", inputs_.tokenizer_sha256},
                        {"tasks", inputs_.tasks},
                        {"num_fewshot", or_null(eval.num_fewshot)},
                        {"limit", or_null(eval.limit)},
                        {"bootstrap_iters", eval.bootstrap_iters},
                        {"harness", eval.harness},
                        {"act", inputs_.eval_act}});
        StudyStep step{.id = "eval:" + id,
                       .kind = StepKind::kEval,
                       .model = id,
                       .depends_on = depends_on,
                       .inputs = {path},
                       .outputs = {},
                       .key = key_of(key),
                       .state = PlanState::kTodo,
                       .cost = estimate_eval(inputs_)};
        for (const std::string& folder : texts(eval.include)) step.inputs.push_back(folder);
        for (const std::string& folder : texts(eval.datasets)) step.inputs.push_back(folder);
        const std::string stamp = eval_stamp(step.key);
        for (const std::string& task : inputs_.task_names) {
            step.outputs.push_back(fmt::format("results/{}/samples_{}_{}.jsonl", id, sanitized_name(task), stamp));
        }
        // Last: it is written last.
        step.outputs.push_back(fmt::format("results/{}/results_{}.json", id, stamp));
        add(std::move(step));
    }

    void add_report() {
        StudyStep step{.id = "report",
                       .kind = StepKind::kReport,
                       .model = {},
                       .depends_on = {},
                       .inputs = {"models", "results"},
                       .outputs = {"report.json", "report.md", "report.html"},
                       .key = {},
                       .state = PlanState::kTodo,
                       .cost = estimate_report(study_)};
        for (const StudyStep& other : steps_) step.depends_on.push_back(other.id);
        add(std::move(step));
    }

    void add(StudyStep step) { steps_.push_back(std::move(step)); }

    const Study& study_;
    const StudyInputs& inputs_;
    std::string hessians_;  // key of calibrate
    std::vector<StudyStep> steps_;
};

}  // namespace

std::string_view step_kind_name(StepKind kind) {
    switch (kind) {
        case StepKind::kCalibrate:
            return "calibrate";
        case StepKind::kQuantize:
            return "quantize";
        case StepKind::kPerplexity:
            return "perplexity";
        case StepKind::kEval:
            return "eval";
        case StepKind::kReport:
            return "report";
    }
    return "";
}

std::string_view plan_state_name(PlanState state) {
    switch (state) {
        case PlanState::kDone:
            return "done";
        case PlanState::kTodo:
            return "todo";
        case PlanState::kStale:
            return "stale";
    }
    return "";
}

std::vector<StudyStep> plan_steps(const Study& study, const StudyInputs& inputs) {
    return Planner(study, inputs).plan();
}

std::string eval_stamp(const std::string& key) {
    return key.substr(0, kStampDigits);
}

}  // namespace dwubit
