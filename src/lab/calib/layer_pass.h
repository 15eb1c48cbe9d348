// One layer over all sequences: the Hessians of its sites, and the activations behind it.
//
// Sequences are cut into units that depend on shapes only; units run on the pool, a site's products are added unit by
// unit in order. On a GPU the units are larger and run one after the other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "lab/hessian/accumulate.h"
#include "lab/model/decoder.h"

namespace dwubit::lab {

struct SequencePosition {
    std::int64_t sequence = 0;
    std::int64_t position = 0;
};

struct SiteResult {
    HessianSum sum;
    std::optional<SequencePosition> first_nonfinite;
};

class LayerPass {
public:
    // `decoder` and `pool` must outlive this.
    LayerPass(const Decoder& decoder, std::int64_t sequences, std::int64_t length, ThreadPool& pool);

    // input, output [sequences, length, hidden] in the decoder's dtype; output is null where nobody reads it.
    // `between` is called between rounds of units with the sequences done; what it throws ends the pass.
    // Results are by site, in the order of kSites.
    std::vector<SiteResult> run(const DecoderLayer& layer, const std::byte* input, std::byte* output,
                                const std::function<void(std::int64_t done)>& between);

    // Floating-point operations that a pass over one layer stands for, forward and Hessians; the head is not counted,
    // a Hessian is 2 n^2 per row.
    static double operations(const ModelConfig& config, std::int64_t sequences, std::int64_t length);

private:
    struct SiteRows {
        at::Tensor rows;              // [unit rows, n] float32
        std::vector<RowSums> chunks;  // of kMaxChunkRows
    };
    using Slot = std::array<SiteRows, std::size(kSites)>;

    std::int64_t unit_sequences(std::int64_t unit) const;
    void forward_unit(const DecoderLayer& layer, const std::byte* input, std::byte* output, std::int64_t unit,
                      Slot& slot) const;
    void add_round(std::int64_t first_unit, std::int64_t count, std::vector<SiteResult>& results);

    const Decoder& decoder_;
    std::int64_t sequences_;
    std::int64_t length_;
    std::optional<ThreadPool> serial_;  // for a GPU
    ThreadPool& pool_;
    std::int64_t sequences_per_unit_ = 1;
    std::int64_t sequences_per_batch_ = 1;
    std::vector<Slot> slots_;  // units of a round
};

}  // namespace dwubit::lab
