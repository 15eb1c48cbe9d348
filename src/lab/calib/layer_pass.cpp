#include "lab/calib/layer_pass.h"

#include <algorithm>

#include "base/check.h"
#include "hessians/site_features.h"
#include "lab/units.h"

namespace dwubit::lab {
namespace {

// Rows that one call of the layer works on: on the CPU what stays near its caches.
constexpr std::int64_t kBatchRowsCpu = 1024;
constexpr std::int64_t kUnitRowsGpu = 4 * kMaxChunkRows;
// Bytes of site inputs that a unit keeps; and all units of a round together, which bounds the memory of wide machines.
constexpr std::int64_t kUnitBytesCpu = std::int64_t{1} << 28;
constexpr std::int64_t kUnitBytesGpu = std::int64_t{1} << 31;
constexpr std::int64_t kRoundBytes = std::int64_t{1} << 32;

std::int64_t bytes_per_row(const ModelConfig& config) {
    std::int64_t features = 0;
    for (const Site site : kSites) features += site_features(config, site);
    return features * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace

LayerPass::LayerPass(const Decoder& decoder, std::int64_t sequences, std::int64_t length, ThreadPool& pool)
    : decoder_(decoder), sequences_(sequences), length_(length), pool_(pool) {
    DWUBIT_CHECK(sequences > 0 && length > 0);
    const bool cpu = decoder.device().is_cpu();
    if (!cpu) serial_.emplace(1);
    const std::int64_t row_bytes = bytes_per_row(decoder.config());
    const std::int64_t unit_rows =
        std::min(cpu ? kMaxChunkRows : kUnitRowsGpu, (cpu ? kUnitBytesCpu : kUnitBytesGpu) / row_bytes);
    sequences_per_unit_ = std::clamp<std::int64_t>(unit_rows / length, 1, sequences);
    sequences_per_batch_ =
        cpu ? std::clamp<std::int64_t>(kBatchRowsCpu / length, 1, sequences_per_unit_) : sequences_per_unit_;

    const std::int64_t units = (sequences + sequences_per_unit_ - 1) / sequences_per_unit_;
    const std::int64_t rows = sequences_per_unit_ * length;
    const std::int64_t threads = cpu ? pool.size() : 1;
    slots_.resize(static_cast<std::size_t>(
        std::clamp<std::int64_t>(std::min(threads, kRoundBytes / (rows * row_bytes)), 1, units)));
    for (Slot& slot : slots_) {
        for (std::size_t i = 0; i < slot.size(); ++i) {
            slot[i].rows = at::empty({rows, site_features(decoder.config(), kSites[i])},
                                     at::TensorOptions().dtype(at::kFloat).device(decoder.device()));
        }
    }
}

std::int64_t LayerPass::unit_sequences(std::int64_t unit) const {
    return std::min(sequences_per_unit_, sequences_ - unit * sequences_per_unit_);
}

void LayerPass::forward_unit(const DecoderLayer& layer, const std::byte* input, std::byte* output, std::int64_t unit,
                             Slot& slot) const {
    const std::int64_t hidden = decoder_.config().hidden;
    const auto sequence_bytes = length_ * hidden * static_cast<std::int64_t>(c10::elementSize(decoder_.dtype()));
    const auto map = [&](const std::byte* data, std::int64_t sequence, std::int64_t count) {
        return at::from_blob(const_cast<std::byte*>(data) + sequence * sequence_bytes, {count, length_, hidden},
                             decoder_.dtype());
    };
    const std::int64_t count = unit_sequences(unit);
    for (std::int64_t done = 0; done < count; done += sequences_per_batch_) {
        const std::int64_t batch = std::min(sequences_per_batch_, count - done);
        const std::int64_t sequence = unit * sequences_per_unit_ + done;
        const SiteSink sink = [&](Site site, const at::Tensor& x) {
            slot[static_cast<std::size_t>(site)].rows.narrow(0, done * length_, batch * length_).copy_(x);
        };
        const at::Tensor x = map(input, sequence, batch).to(decoder_.device());
        if (output != nullptr) {
            map(output, sequence, batch).copy_(decoder_.forward(layer, x, sink));
        } else {
            decoder_.visit(layer, x, sink);
        }
    }
    for (SiteRows& site : slot) {
        site.chunks.clear();
        const std::int64_t rows = count * length_;
        for (std::int64_t first = 0; first < rows; first += kMaxChunkRows) {
            at::Tensor chunk = site.rows.narrow(0, first, std::min(kMaxChunkRows, rows - first));
            site.chunks.push_back(clean_rows(chunk));
        }
    }
}

// Adds what the slots [0, count) hold, which are the units from first_unit on.
void LayerPass::add_round(std::int64_t first_unit, std::int64_t count, std::vector<SiteResult>& results) {
    struct Job {
        std::size_t site;
        std::int64_t tile;
    };
    std::vector<Job> jobs;
    for (std::size_t site = 0; site < results.size(); ++site) {
        SiteResult& result = results[site];
        for (std::int64_t i = 0; i < count; ++i) {
            std::int64_t row = (first_unit + i) * sequences_per_unit_ * length_;
            for (const RowSums& chunk : slots_[static_cast<std::size_t>(i)][site].chunks) {
                result.sum.add_sums(chunk);
                if (chunk.nonfinite > 0 && !result.first_nonfinite) {
                    const std::int64_t bad = row + chunk.first_nonfinite;
                    result.first_nonfinite = SequencePosition{bad / length_, bad % length_};
                }
                row += chunk.rows + chunk.nonfinite;
            }
        }
        for (std::int64_t tile = 0; tile < result.sum.tiles(); ++tile) jobs.push_back({site, tile});
    }
    ThreadPool& pool = serial_ ? *serial_ : pool_;
    run_units(pool, static_cast<std::int64_t>(jobs.size()), [&](std::int64_t j) {
        const Job& job = jobs[static_cast<std::size_t>(j)];
        for (std::int64_t i = 0; i < count; ++i) {
            const at::Tensor& rows = slots_[static_cast<std::size_t>(i)][job.site].rows;
            const std::int64_t used = unit_sequences(first_unit + i) * length_;
            for (std::int64_t first = 0; first < used; first += kMaxChunkRows) {
                results[job.site].sum.add_products(job.tile,
                                                   rows.narrow(0, first, std::min(kMaxChunkRows, used - first)));
            }
        }
    });
}

std::vector<SiteResult> LayerPass::run(const DecoderLayer& layer, const std::byte* input, std::byte* output,
                                       const std::function<void(std::int64_t done)>& between) {
    std::vector<SiteResult> results;
    for (const Site site : kSites) {
        results.push_back({HessianSum(site_features(decoder_.config(), site), decoder_.device()), {}});
    }
    const std::int64_t units = (sequences_ + sequences_per_unit_ - 1) / sequences_per_unit_;
    const auto round = static_cast<std::int64_t>(slots_.size());
    ThreadPool& pool = serial_ ? *serial_ : pool_;
    for (std::int64_t first = 0; first < units; first += round) {
        const std::int64_t count = std::min(round, units - first);
        run_units(pool, count, [&](std::int64_t i) {
            forward_unit(layer, input, output, first + i, slots_[static_cast<std::size_t>(i)]);
        });
        add_round(first, count, results);
        between(std::min(sequences_, (first + count) * sequences_per_unit_));
    }
    return results;
}

double LayerPass::operations(const ModelConfig& config, std::int64_t sequences, std::int64_t length) {
    const auto hidden = static_cast<double>(config.hidden);
    const auto heads = static_cast<double>(config.heads * config.head_dim);
    const auto kv = static_cast<double>(config.kv_heads * config.head_dim);
    const double linears = 2 * hidden * (2 * heads + 2 * kv + 3 * static_cast<double>(config.intermediate));
    const double attention = 4 * heads * (static_cast<double>(length) + 1) / 2;
    double hessians = 0;
    for (const Site site : kSites) {
        const auto n = static_cast<double>(site_features(config, site));
        hessians += 2 * n * n;
    }
    return static_cast<double>(sequences) * static_cast<double>(length) * (linears + attention + hessians);
}

}  // namespace dwubit::lab
