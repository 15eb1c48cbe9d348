// Flags of the commands that let a model write: how tokens are chosen, and what ends the text.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "runtime/engine/sampler.h"

namespace dwubit::cli {

struct SamplingFlags {
    SamplerOptions sampler;
    std::vector<std::string> stops;

    void declare(CLI::App& app);
    // Usage error for a stop string that is empty or no UTF-8.
    Result<void> check() const;
};

// The `sampler` member of --json objects.
Json sampler_json(const SamplerOptions& sampler);

}  // namespace dwubit::cli
