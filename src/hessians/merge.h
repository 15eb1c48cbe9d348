// Several stores of one model as one: the Hessian of all their rows.
#pragma once

#include <filesystem>
#include <span>

#include "base/log.h"
#include "hessians/hessian_store.h"

namespace dwubit {

// What the merged store is made from: model and tokenizer of all (unknown if one's is), settings {"merged": [{corpus,
// chat_template, settings}, ...]} in an order that does not depend on the order of `stores`. InvalidInput where models,
// tokenizers, sites or sizes differ, or the same rows would count twice.
Result<HessianFingerprint> merged_fingerprint(std::span<const HessianStore> stores);

// Writes the store into `folder`: H = sum(ct H) / sum(ct), mu alike, in double precision, the same bytes for any order
// of `stores`. One site is in memory at a time. REQUIRES: merged_fingerprint() passed.
Result<void> merge_hessians(std::span<const HessianStore> stores, const std::filesystem::path& folder,
                            ProgressSink& progress = no_progress());

}  // namespace dwubit
