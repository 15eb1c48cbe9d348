// RoPE members of config.json. Before transformers 5: rope_theta beside rope_scaling {rope_type or type, factor, ...};
// since then rope_parameters holds all of it.
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "runtime/model/families.h"

namespace dwubit {
namespace {

constexpr double kMaxTheta = 1e15;
constexpr double kMaxFactor = 1e6;
constexpr double kDefaultTheta = 10000.0;

// The object that describes the scaling, with its name; a null pointer when there is none.
struct Source {
    const Json* object = nullptr;
    std::string name;
};

Result<Source> find_source(const Json& config) {
    const Fields fields(config, "config.json");
    Source source;
    for (const char* name : {"rope_scaling", "rope_parameters"}) {
        if (!fields.has(name)) continue;
        DWUBIT_ASSIGN(const Json* object, fields.object(name));
        if (object->empty()) continue;
        if (source.object != nullptr && *source.object != *object) {
            return errorf(ErrorKind::kInvalidInput,
                          "config.json: rope_scaling and rope_parameters contradict each other")
                .with_hint("keep one of them");
        }
        if (source.object == nullptr) source = {object, name};
    }
    return source;
}

Result<void> check_rotary_part(const Fields& fields) {
    DWUBIT_ASSIGN(const double part, fields.number("partial_rotary_factor", 0, 1, 1.0));
    if (part == 1.0) return {};
    return errorf(ErrorKind::kUnsupported,
                  "config.json: 'partial_rotary_factor' {} is not supported; RoPE must turn the whole head", part);
}

Result<void> read_llama3(const Fields& scaling, const Fields& top, std::int64_t max_positions, RopeConfig& rope) {
    rope.scaling = RopeScaling::kLlama3;
    DWUBIT_ASSIGN(rope.factor, scaling.number("factor", 1, kMaxFactor));
    DWUBIT_ASSIGN(rope.low_freq_factor, scaling.number("low_freq_factor", 1e-3, kMaxFactor));
    DWUBIT_ASSIGN(rope.high_freq_factor, scaling.number("high_freq_factor", 1e-3, kMaxFactor));
    if (rope.high_freq_factor <= rope.low_freq_factor) {
        return scaling.invalid("high_freq_factor",
                               fmt::format("greater than low_freq_factor {}", rope.low_freq_factor));
    }
    constexpr const char* kOriginal = "original_max_position_embeddings";
    const Fields& holder = top.has(kOriginal) ? top : scaling;
    DWUBIT_ASSIGN(rope.original_context, holder.integer(kOriginal, 1, kMaxPositions, max_positions));
    return {};
}

Result<std::string> read_type(const Fields& scaling) {
    DWUBIT_ASSIGN(std::string older, scaling.string("type", "default"));
    return scaling.string("rope_type", std::move(older));
}

}  // namespace

Result<RopeConfig> read_rope(const Json& config, std::int64_t max_positions) {
    const Fields top(config, "config.json");
    RopeConfig rope;
    DWUBIT_ASSIGN(rope.theta, top.number("rope_theta", 1, kMaxTheta, kDefaultTheta));
    DWUBIT_TRY(check_rotary_part(top));
    DWUBIT_ASSIGN(const Source source, find_source(config));
    if (source.object == nullptr) return rope;

    const Fields scaling(*source.object, "config.json: " + source.name);
    if (scaling.has("full_attention") || scaling.has("sliding_attention")) {
        return errorf(ErrorKind::kUnsupported, "config.json: {} per layer type is not supported", source.name);
    }
    DWUBIT_ASSIGN(rope.theta, scaling.number("rope_theta", 1, kMaxTheta, rope.theta));
    DWUBIT_TRY(check_rotary_part(scaling));
    DWUBIT_ASSIGN(const std::string type, read_type(scaling));
    if (type == "default") return rope;
    if (type == "linear") {
        rope.scaling = RopeScaling::kLinear;
        DWUBIT_ASSIGN(rope.factor, scaling.number("factor", 1, kMaxFactor));
        return rope;
    }
    if (type == "llama3") {
        DWUBIT_TRY(read_llama3(scaling, top, max_positions, rope));
        return rope;
    }
    return errorf(ErrorKind::kUnsupported, "config.json: {} of type '{}' is not supported", source.name,
                  printable(type))
        .with_hint("supported: default, linear, llama3");
}

}  // namespace dwubit
