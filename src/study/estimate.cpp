#include "study/estimate.h"

#include <algorithm>
#include <utility>

#include "hessians/site_features.h"

namespace dwubit {
namespace {

// Operations per second that are reached where nothing has been measured: float32 products of a core with AVX2 or
// AVX-512, and of a data-centre GPU; the forward pass of the runtime.
constexpr double kLabRatePerThread = 80e9;
constexpr double kLabRateGpu = 25e12;
constexpr double kForwardRatePerThread = 100e9;
// The work of a solver per weight and input, in multiply-adds; methods differ widely.
constexpr double kSolverPasses = 4;
constexpr double kBytesPerToken = 4;   // of text
constexpr double kSharedRequests = 3;  // how often a position of a task's requests is shared
constexpr double kStartSeconds = 1;    // opening files, packing weights
constexpr double kReportSeconds = 3;   //
constexpr std::uint64_t kProgramBytes = std::uint64_t{500} << 20;
constexpr double kOverheadBits = 0.15;  // scales and the like, beside the codes
constexpr std::int64_t kDefaultBits = 2;

double lab_rate(const StudyInputs& inputs) {
    return inputs.device == "cpu" ? kLabRatePerThread * inputs.threads : kLabRateGpu;
}

double forward_rate(const StudyInputs& inputs) {
    return kForwardRatePerThread * inputs.threads;
}

// Sum over the sites of a layer of n squared.
double squares(const ModelConfig& config) {
    double sum = 0;
    for (const Site site : kSites) {
        const auto n = static_cast<double>(site_features(config, site));
        sum += n * n;
    }
    return sum;
}

double layers(const ModelConfig& config) {
    return static_cast<double>(config.layers);
}

double layer_weights(const ModelConfig& config) {
    double weights = 0;
    for (const LinearShape& linear : layer_linears(config, 0)) {
        weights += static_cast<double>(linear.out) * static_cast<double>(linear.in);
    }
    return weights;
}

double all_weights(const ModelConfig& config) {
    return layers(config) * layer_weights(config) +
           static_cast<double>(config.hidden) * static_cast<double>(config.vocab);
}

std::uint64_t bytes(double count) {
    return static_cast<std::uint64_t>(count);
}

// A layer's weights in float32 and its Hessians in float64.
std::uint64_t lab_memory(const ModelConfig& config) {
    return bytes(4 * layer_weights(config) + 8 * squares(config)) + kProgramBytes;
}

}  // namespace

StepCost estimate_calibrate(const Study& study, const StudyInputs& inputs) {
    const ModelConfig& config = inputs.model.config;
    const double tokens =
        static_cast<double>(study.calibration.sequences) * static_cast<double>(study.calibration.length);
    const double operations = tokens * layers(config) * 2 * (layer_weights(config) + squares(config));
    return {.seconds = kStartSeconds + operations / lab_rate(inputs),
            .ram_bytes = lab_memory(config),
            .disk_bytes = bytes(layers(config) * squares(config) * sizeof(float) / 2)};
}

StepCost estimate_quantize(const ResolvedMethod& method, const StudyInputs& inputs) {
    const ModelConfig& config = inputs.model.config;
    double operations = 0;
    for (const LinearShape& linear : layer_linears(config, 0)) {
        operations += 2 * kSolverPasses * static_cast<double>(linear.out) * static_cast<double>(linear.in) *
                      static_cast<double>(linear.in);
    }
    const double bits = static_cast<double>(method.parameters.value("bits", kDefaultBits)) + kOverheadBits;
    const Footprint& whole = inputs.footprint;
    const double kept = static_cast<double>(whole.bytes - std::min(whole.linear_bytes, whole.bytes));
    return {.seconds = kStartSeconds + layers(config) * operations / lab_rate(inputs),
            .ram_bytes = lab_memory(config),
            .disk_bytes = bytes(kept + layers(config) * layer_weights(config) * bits / 8)};
}

StepCost estimate_perplexity(const StudyPerplexity& perplexity, bool kl, const StudyInputs& inputs) {
    const ModelConfig& config = inputs.model.config;
    double tokens = static_cast<double>(inputs.heldout_bytes) / kBytesPerToken;
    if (perplexity.limit) {
        tokens = std::min(tokens, static_cast<double>(*perplexity.limit) * static_cast<double>(perplexity.window));
    }
    // With a divergence the base runs twice: for its logits and for the noise floor.
    const double passes = kl ? 3 : 1;
    return {.seconds = kStartSeconds + passes * tokens * 2 * all_weights(config) / forward_rate(inputs),
            .ram_bytes = bytes((kl ? 2 : 1) * 4 * all_weights(config)) + kProgramBytes,
            .disk_bytes = 4096};
}

StepCost estimate_eval(const StudyInputs& inputs) {
    const ModelConfig& config = inputs.model.config;
    const double tokens = static_cast<double>(inputs.task_bytes) / kBytesPerToken / kSharedRequests;
    return {.seconds = kStartSeconds + tokens * 2 * all_weights(config) / forward_rate(inputs),
            .ram_bytes = bytes(4 * all_weights(config)) + inputs.task_bytes + kProgramBytes,
            .disk_bytes = 2 * inputs.task_bytes};
}

StepCost estimate_report(const Study& study) {
    return {.seconds = kReportSeconds + 0.5 * static_cast<double>(study.methods.size()),
            .ram_bytes = kProgramBytes,
            .disk_bytes = std::uint64_t{2} << 20};
}

void correct_by_history(std::vector<StudyStep>& steps, const std::map<std::string, StepRecord>& records) {
    std::map<StepKind, std::pair<double, double>> sums;  // actual, estimated
    for (const StudyStep& step : steps) {
        const auto record = records.find(step.id);
        if (record == records.end() || record->second.state != StepState::kDone) continue;
        sums[step.kind].first += record->second.seconds;
        sums[step.kind].second += step.cost.seconds;
    }
    for (StudyStep& step : steps) {
        const auto found = sums.find(step.kind);
        if (found != sums.end() && found->second.second > 0) {
            step.cost.seconds *= found->second.first / found->second.second;
        }
    }
}

}  // namespace dwubit
