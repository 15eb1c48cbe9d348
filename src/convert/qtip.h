// Models quantized to trellis in the layout of QTIP's released checkpoints, both ways: `trellis`, SU, SV, `tlut`, a
// Llama config. HYB of 2 to 4 bits lies in the order of QTIP's kernels, HYB of 1 bit, 1MAD and 3INST in plain words;
// MUL1 its loader does not know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/log.h"
#include "convert/llama_export.h"
#include "dwubit/result.h"

namespace dwubit {

// Writes the folder `out` from the dwubit directory `model`: linears in trellis with rht on both sides, none fused, all
// of one code and of as many bits (those of v_proj may differ); linears that are not quantized go on the layout's
// skip_list. Codes are unpacked again and compared. Other tensors become F16. Errors name the module and what the
// layout asks for.
Result<LlamaExported> export_qtip(const std::filesystem::path& model, const std::filesystem::path& out, bool overwrite,
                                  ProgressSink& progress = no_progress());

struct QtipImport {
    std::uint64_t bytes = 0;
    std::int64_t modules = 0;
    std::string_view code;
    int bits = 2;
};

// The inverse: a dwubit directory that runs. Where SV has one size it is the matrix's scale, and signs are what is
// left.
Result<QtipImport> import_qtip(const std::filesystem::path& model, const std::filesystem::path& out, bool overwrite,
                               ProgressSink& progress = no_progress());

}  // namespace dwubit
