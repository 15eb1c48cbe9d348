// A dwubit directory made from a model folder by rounding to the nearest value, and its dense twin.
#pragma once

#include <filesystem>

#include "dwubit/result.h"
#include "json/json.h"

namespace dwubit::testing {

struct PackedModelOptions {
    Json params;             // of uniform_group; with "perm" each linear gets an order of its own
    bool patterns = false;   // quantization_config names modules by patterns instead of one by one
    bool skip_down = false;  // down_proj stays dense
    bool pack_head = false;  // lm_head too, where it is not tied
};

struct PackedModel {
    std::filesystem::path packed;  // the dwubit directory
    std::filesystem::path dense;   // the same values as F32 weights
};

// Both below `folder`; config.json and tokenizer files come from `from`.
Result<PackedModel> write_packed_model(const std::filesystem::path& from, const std::filesystem::path& folder,
                                       const PackedModelOptions& options);

}  // namespace dwubit::testing
