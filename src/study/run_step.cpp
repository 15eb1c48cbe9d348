#include "study/run_step.h"

#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "eval/run_eval.h"
#include "eval/run_perplexity.h"
#include "runtime/cpu/isa.h"

namespace dwubit {
namespace {

LabContext lab_context(const StepContext& context) {
    return {context.pool, context.progress, context.device, context.study.seed, context.warn};
}

Result<void> run_calibrate(const StudyStep& step, const StepContext& context) {
    const Study& study = context.study;
    const CalibrateRequest request{.model = study.model,
                                   .data = study.corpus.calibration,
                                   .output = context.folder / step.outputs.front(),
                                   .field = study.corpus.field,
                                   .add_bos = study.corpus.add_bos,
                                   .document_end = study.corpus.document_end,
                                   .sequences = study.calibration.sequences,
                                   .length = study.calibration.length,
                                   .dtype = study.calibration.dtype,
                                   .overwrite = true};
    LabContext lab = lab_context(context);
    DWUBIT_ASSIGN(const Json ignored, context.lab->calibrate(request, lab));
    return {};
}

Result<void> run_quantize(const StudyStep& step, const StepContext& context) {
    for (const StudyMethod& method : context.study.methods) {
        if (method.id != step.model) continue;
        QuantizeRequest request = quantize_request(context.study, method);
        request.output = context.folder / step.outputs.front();
        request.hessians = context.folder / "hessians";
        request.overwrite = true;
        LabContext lab = lab_context(context);
        DWUBIT_ASSIGN(const Json ignored, context.lab->quantize(request, lab));
        return {};
    }
    return errorf(ErrorKind::kInternal, "step {} has no method", step.id);
}

// What the result says that is the same for every run.
Json without_timing(Json result, const std::string& model) {
    for (const char* key : {"seconds", "tokens_per_second", "threads"}) result.erase(key);
    result["model"] = model;
    if (result.at("kl").is_object()) result["kl"]["base"] = kBaseId;
    return result;
}

Result<void> measure_perplexity_step(const StudyStep& step, const StepContext& context) {
    const Study& study = context.study;
    const StudyPerplexity& settings = *study.perplexity;
    PerplexityRequest request{.model = model_path(study, context.folder, step.model),
                              .data = study.corpus.heldout,
                              .field = study.corpus.field,
                              .options = {.window = settings.window, .limit = settings.limit},
                              .add_bos = study.corpus.add_bos,
                              .document_end = study.corpus.document_end,
                              .base = {}};
    if (settings.kl && step.model != kBaseId) request.base = study.model;
    DWUBIT_ASSIGN(request.options.convention, convention_from_name(settings.convention));
    DWUBIT_ASSIGN(request.act, study_act(settings.act));
    DWUBIT_ASSIGN(Json result, run_perplexity(request, context.pool, context.progress, context.warn));
    return write_file_atomically(context.folder / step.outputs.front(),
                                 dump_json(without_timing(std::move(result), step.model), 2) + "\n");
}

Result<void> run_eval_step(const StudyStep& step, const StepContext& context) {
    const StudyEval& settings = *context.study.eval;
    EvalRequest request = eval_request(settings);
    request.model = model_path(context.study, context.folder, step.model);
    request.name = step.model;
    request.stamp = eval_stamp(step.key);
    request.log_samples = true;
    const std::filesystem::path results = context.folder / step.outputs.back();
    request.output = results.parent_path() / "results.json";
    request.options.kept_answers = results.parent_path() / ("answers_" + *request.stamp);
    DWUBIT_ASSIGN(request.act, study_act(settings.act));
    DWUBIT_ASSIGN(const EvalAnswer answer, run_eval(request, context.pool, context.progress, context.warn));
    return {};
}

}  // namespace

QuantizeRequest quantize_request(const Study& study, const StudyMethod& method) {
    QuantizeRequest request;
    request.model = study.model;
    request.method = method.method;
    request.recipe = method.recipe;
    request.settings = method.settings;
    request.layers = method.layers;
    return request;
}

EvalRequest eval_request(const StudyEval& settings) {
    EvalRequest request;
    request.tasks = settings.tasks;
    request.include_paths = settings.include;
    request.options.datasets.folders = settings.datasets;
    request.options.build.num_fewshot = settings.num_fewshot;
    request.options.build.limit = settings.limit;
    const Harness harness = settings.harness == "polish" ? Harness::kPolish : Harness::kCurrent;
    request.options.build.harness = harness;
    request.options.score.harness = harness;
    request.options.score.bootstrap_iters = settings.bootstrap_iters;
    return request;
}

Result<ActType> study_act(const std::string& name) {
    if (!process_isa().ok()) return process_isa().error();
    if (name == "auto") return default_act();
    return act_from_name(name);
}

std::filesystem::path model_path(const Study& study, const std::filesystem::path& folder, const std::string& model) {
    return model == kBaseId ? study.model : folder / "models" / model;
}

Result<void> run_step(const StudyStep& step, const StepContext& context) {
    switch (step.kind) {
        case StepKind::kCalibrate:
            return run_calibrate(step, context);
        case StepKind::kQuantize:
            return run_quantize(step, context);
        case StepKind::kPerplexity:
            return measure_perplexity_step(step, context);
        case StepKind::kEval:
            return run_eval_step(step, context);
        case StepKind::kReport:
            break;
    }
    return errorf(ErrorKind::kInternal, "step {} is not for run_step()", step.id);
}

}  // namespace dwubit
