// The steps of a study, what each is made from, and what is done already.
//
//   calibrate -> quantize:<id> -> perplexity:<id>, eval:<id> -> report         (base: perplexity and eval alone)
//
// A step's key is a hash of what its result depends on: its settings as resolved, hashes of the files it reads, keys of
// the steps before it. A changed recipe therefore changes the keys of what depends on it, and nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"
#include "runtime/model/footprint.h"
#include "runtime/model/open_model.h"
#include "study/journal.h"
#include "study/study_file.h"

namespace dwubit {

enum class StepKind { kCalibrate, kQuantize, kPerplexity, kEval, kReport };
std::string_view step_kind_name(StepKind kind);

enum class PlanState {
    kDone,
    kTodo,
    kStale,  // done once, from something else, or its outputs are not what they were
};
std::string_view plan_state_name(PlanState state);

// What a step is expected to take.
struct StepCost {
    double seconds = 0;
    std::uint64_t ram_bytes = 0;
    std::uint64_t disk_bytes = 0;  // that its outputs occupy
};

struct StudyStep {
    std::string id;  // "quantize:gptq"
    StepKind kind = StepKind::kReport;
    std::string model;                    // kBaseId or a method's id; empty: none
    std::vector<std::string> depends_on;  // ids
    std::vector<std::string> inputs;      // paths
    std::vector<std::string> outputs;     // paths relative to the study's folder; folders too
    std::string key;                      // of the report: empty, its inputs are known when they are there
    PlanState state = PlanState::kTodo;
    StepCost cost;
};

// A method of the study as the lab resolved it.
struct ResolvedMethod {
    std::string recipe;
    Json parameters;
    bool needs_hessians = false;
};

// What is known of the study's inputs before anything runs.
struct StudyInputs {
    OpenModel model;
    Footprint footprint;  // of the model
    std::string model_sha256;
    std::string tokenizer_sha256;
    std::string calibration_sha256;  // empty: not used
    std::string heldout_sha256;
    Json tasks;                           // one object per task: what its documents and prompts depend on
    std::vector<std::string> task_names;  //
    std::uint64_t task_bytes = 0;         // text of all requests
    std::uint64_t heldout_bytes = 0;      // of the file
    std::vector<ResolvedMethod> methods;  // as Study::methods
    std::string perplexity_act;           // "auto" resolved: a machine without bf16 gives other figures
    std::string eval_act;                 //
    std::string device = "cpu";           // of calibrate and quantize
    int threads = 1;
};

// Steps in an order that respects depends_on; states are kTodo.
std::vector<StudyStep> plan_steps(const Study& study, const StudyInputs& inputs);

// Names of the eval step's files: "results_<stamp>.json".
std::string eval_stamp(const std::string& key);

}  // namespace dwubit
