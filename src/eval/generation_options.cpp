#include "eval/generation_options.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "base/error.h"
#include "base/text.h"

namespace dwubit {
namespace {

constexpr std::string_view kLengthKeys[] = {"max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"};
constexpr std::string_view kOtherKeys[] = {"until", "do_sample", "temperature",       "top_k",
                                           "top_p", "min_p",     "repetition_penalty"};

Result<void> check_keys(const OrderedJson& generation) {
    if (!generation.is_object()) {
        return errorf(ErrorKind::kInvalidInput, "generation_kwargs must be a mapping, got {}", dump_json(generation));
    }
    std::vector<std::string> known(std::begin(kOtherKeys), std::end(kOtherKeys));
    known.insert(known.end(), std::begin(kLengthKeys), std::end(kLengthKeys));
    for (const auto& [key, value] : generation.items()) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        const auto near = nearest_name(key, known);
        return errorf(ErrorKind::kInvalidInput, "generation_kwargs: unknown key '{}'", printable(key))
            .with_hint(near ? fmt::format("did you mean {}?", *near)
                            : fmt::format("the keys are {}", fmt::join(known, ", ")));
    }
    return {};
}

Result<std::vector<std::string>> read_until(const OrderedJson& generation) {
    std::vector<std::string> until;
    const auto found = generation.find("until");
    if (found == generation.end() || found->is_null()) return until;
    const auto refuse = [&] {
        return errorf(ErrorKind::kInvalidInput, "generation_kwargs: 'until' must be a text or a list of texts, got {}",
                      printable(dump_json(*found)));
    };
    if (found->is_string()) {
        until.push_back(found->get<std::string>());
    } else if (found->is_array()) {
        for (const auto& item : *found) {
            if (!item.is_string()) return refuse();
            until.push_back(item.get<std::string>());
        }
    } else {
        return refuse();
    }
    std::erase(until, std::string());
    return until;
}

}  // namespace

Result<TextGeneration> text_generation(const OrderedJson& generation) {
    DWUBIT_TRY(check_keys(generation));
    TextGeneration options;
    DWUBIT_ASSIGN(options.until, read_until(generation));
    const Json object(generation);
    const Fields fields(object, "generation_kwargs");
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    for (const std::string_view key : kLengthKeys) {
        if (!fields.has(key)) continue;
        DWUBIT_ASSIGN(options.max_tokens, fields.integer(key, 1, kMost));
        break;
    }
    SamplerOptions& sampler = options.sampler;
    DWUBIT_ASSIGN(const double temperature, fields.number("temperature", 0, 1e6, 0.0));
    DWUBIT_ASSIGN(const bool sample, fields.boolean("do_sample", temperature > 0));
    if (sample && temperature == 0) {
        return make_error(ErrorKind::kInvalidInput, "generation_kwargs: do_sample needs a temperature above 0")
            .with_hint("add temperature: 1.0, or set do_sample: false");
    }
    sampler.temperature = sample ? temperature : 0;
    DWUBIT_ASSIGN(sampler.top_k, fields.integer("top_k", 0, kMost, 50));
    DWUBIT_ASSIGN(sampler.top_p, fields.number("top_p", 1e-9, 1, 1.0));
    DWUBIT_ASSIGN(sampler.min_p, fields.number("min_p", 0, 1, 0.0));
    DWUBIT_ASSIGN(sampler.repeat_penalty, fields.number("repetition_penalty", 1e-6, 1e6, 1.0));
    sampler.repeat_last_n = -1;
    return options;
}

std::string cut_at(std::string text, const std::vector<std::string>& until) {
    for (const std::string& stop : until) {
        const std::size_t at = text.find(stop);
        if (at != std::string::npos) text.resize(at);
    }
    return text;
}

}  // namespace dwubit
