// Attention of few rows, as in decoding, where reading keys and values is what costs. Each of their vectors is read
// once for all query heads of its group; a unit of work is a stretch of positions, so that long contexts occupy all
// threads.
#pragma once

#include "runtime/ops/attention/attention.h"

namespace dwubit {

// As attention(), in float32.
void attention_few(const AttentionShape& shape, MatrixView<const float> q, const KvView& cache,
                   std::int64_t first_position, Activations& out, ThreadPool& pool);

}  // namespace dwubit
