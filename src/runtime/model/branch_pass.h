// A forward pass over rows that do not follow one another: branches of several texts that share their beginnings, or
// the next tokens of several texts, side by side, so that linears see many rows and a shared beginning is evaluated
// once.
//
// The logits of a row are a function of the ids on its path alone: the same bits for any division into passes, any
// neighbours and any number of threads. (Model::forward gives the same up to rounding.)
#pragma once

#include <cstdint>
#include <span>

#include "runtime/model/forward_buffers.h"
#include "runtime/model/model.h"

namespace dwubit {

// The rows of a pass that belong to one cache.
//
// They are a tree in depth-first order: a row follows the nearest row before it that stands one position earlier, else
// what the cache has up to that position. positions[0] <= cache->length(), and no position is more than one above the
// one before it. Afterwards the cache holds the path of the last row.
struct PassPart {
    KvCache* cache = nullptr;
    std::span<const TokenId> ids;
    std::span<const std::int64_t> positions;  // as many
};

// The rows of a pass that a caller should aim at: enough for linears to run at full rate, few enough for their
// activations' memory.
inline constexpr std::int64_t kBranchPassRows = 512;

// Rows are numbered through the parts. `wanted`, ascending: those whose logits the sink gets, each once, in any order,
// from several threads at once. The parts' caches differ. Errors: an id outside the vocabulary, a position past a
// cache's capacity or the model's full_attention_limit; the caches are then as before.
Result<void> run_branches(const Model& model, std::span<const PassPart> parts, std::span<const std::int64_t> wanted,
                          const LogitSink& sink, ForwardBuffers& buffers, ThreadPool& pool);

}  // namespace dwubit
