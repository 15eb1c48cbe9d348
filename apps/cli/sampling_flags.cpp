#include "sampling_flags.h"

#include "arguments.h"
#include "base/error.h"
#include "base/text.h"

namespace dwubit::cli {

void SamplingFlags::declare(CLI::App& app) {
    constexpr double kMost = 1e6;
    app.add_option("--stop", stops, "end before this text; may be repeated")->allow_extra_args(false);
    add_number(app, "--temp", sampler.temperature, 0, kMost, "temperature; 0 = greedy, the default");
    add_integer(app, "--top-k", sampler.top_k, 0, kNoLimit, "only the k likeliest tokens; 0 = all");
    add_number(app, "--top-p", sampler.top_p, 0, 1, "only the likeliest that together reach p; 1 = all");
    add_number(app, "--min-p", sampler.min_p, 0, 1, "only tokens p times as likely as the likeliest; 0 = all");
    add_number(app, "--repeat-penalty", sampler.repeat_penalty, 1e-6, kMost, "for tokens seen lately; 1 = none");
    add_integer(app, "--repeat-last-n", sampler.repeat_last_n, -1, kNoLimit, "how many are lately; -1 = all");
}

Result<void> SamplingFlags::check() const {
    for (const std::string& stop : stops) {
        if (!stop.empty() && !find_invalid_utf8(stop)) continue;
        return errorf(ErrorKind::kUsage, "--stop '{}': must be UTF-8 text that is not empty", printable(stop));
    }
    return {};
}

Json sampler_json(const SamplerOptions& s) {
    return Json{{"name", s.temperature == 0 ? "greedy" : "random"},
                {"temperature", s.temperature},
                {"top_k", s.top_k},
                {"top_p", s.top_p},
                {"min_p", s.min_p},
                {"repeat_penalty", s.repeat_penalty},
                {"repeat_last_n", s.repeat_last_n},
                {"seed", s.seed}};
}

}  // namespace dwubit::cli
