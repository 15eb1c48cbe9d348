#include "runtime/model/branch_pass.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "runtime/model/forward_steps.h"
#include "runtime/ops/attention/path_attention.h"

namespace dwubit {
namespace {

class BranchPass : ForwardSteps {
public:
    BranchPass(const Model& model, std::span<const PassPart> parts, std::span<const std::int64_t> wanted,
               ForwardBuffers& buffers, ThreadPool& pool)
        : ForwardSteps(model, buffers, pool, true),
          parts_(parts),
          wanted_(wanted),
          shape_{config_.heads, config_.kv_heads, config_.head_dim} {
        std::int64_t end = 0;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            keep_last_path(i);
            paths_.append(static_cast<std::int64_t>(i), parts[i].positions);
            for (const std::int64_t position : parts[i].positions) end = std::max(end, position + 1);
        }
        rope().grow(end);
    }

    void run(const LogitSink& sink) {
        start(paths_.rows());
        std::int64_t first = 0;
        for (const PassPart& part : parts_) {
            embed(part.ids, first);
            first += static_cast<std::int64_t>(part.ids.size());
        }
        rows_.resize(static_cast<std::size_t>(paths_.rows()));
        std::iota(rows_.begin(), rows_.end(), 0);
        for (std::int64_t index = 0; index < config_.layers; ++index) {
            attention_block(index, index == config_.layers - 1);
            if (!rows_.empty()) mlp_block(layer(index));
        }
        for (const PassPart& part : parts_) {
            if (part.positions.empty()) continue;
            const std::int64_t least = *std::min_element(part.positions.begin(), part.positions.end());
            part.cache->truncate(least);
            part.cache->advance(part.positions.back() + 1 - least);
        }
        if (!rows_.empty()) {
            head(0, [&](std::int64_t i, std::span<const float> logits) {
                sink(wanted_[static_cast<std::size_t>(i)], logits);
            });
        }
    }

private:
    struct Kept {
        KvCache* cache;
        std::int64_t row;
        std::int64_t position;
    };

    RopeTable& rope() { return parts_.front().cache->rope(); }

    // The rows of a part that the path of its last row consists of.
    void keep_last_path(std::size_t part) {
        const std::span<const std::int64_t> positions = parts_[part].positions;
        if (positions.empty()) return;
        std::int64_t next = positions.back();
        for (std::size_t i = positions.size(); i-- > 0;) {
            if (positions[i] != next) continue;
            kept_.push_back({parts_[part].cache, paths_.rows() + static_cast<std::int64_t>(i), next});
            --next;
        }
    }

    // x += o(attention(q, k, v)). In the last layer the rows that nobody wants end here.
    void attention_block(std::int64_t index, bool last) {
        const LayerWeights& weights = layer(index);
        norm(x_, weights.attention_norm, {&weights.q, &weights.k, &weights.v});
        if (last) {
            multiply<2>({&weights.k, &weights.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, i == 0 ? k_ : v_); });
            keep_wanted();
            if (!rows_.empty()) {
                norm(x_, weights.attention_norm, {&weights.q});
                multiply<1>({&weights.q}, buffers_.normed, [&](std::size_t, const Panel& panel) { copy(panel, q_); });
            }
        } else {
            const std::array<MatrixView<float>, 3> outputs = {q_, k_, v_};
            multiply<3>({&weights.q, &weights.k, &weights.v}, buffers_.normed,
                        [&](std::size_t i, const Panel& panel) { copy(panel, outputs[i]); });
        }
        for_each_row(k_.rows, [&](std::int64_t r) {
            rotate(k_.row(r).data(), config_.kv_heads, weights.k_norm, rope(), paths_.position(r));
        });
        attend(index, weights);
        for_each_row(static_cast<std::int64_t>(kept_.size()), [&](std::int64_t i) {
            const Kept& kept = kept_[static_cast<std::size_t>(i)];
            kept.cache->write(index, kept.position, k_.row(kept.row).data(), v_.row(kept.row).data());
        });
    }

    void attend(std::int64_t index, const LayerWeights& weights) {
        if (rows_.empty()) return;
        for_each_row(q_.rows, [&](std::int64_t i) {
            const std::int64_t position = paths_.position(rows_[static_cast<std::size_t>(i)]);
            rotate(q_.row(i).data(), config_.heads, weights.q_norm, rope(), position);
        });
        std::vector<KvView> caches;
        for (const PassPart& part : parts_) caches.push_back(part.cache->view(index));
        prepare(buffers_.attended, q_.rows, q_.cols, {&weights.o});
        path_attention(shape_, q_, rows_, paths_, caches, k_, v_, buffers_.attended, pool_);
        multiply<1>({&weights.o}, buffers_.attended, [&](std::size_t, const Panel& panel) { add(panel); });
    }

    // Goes on with the wanted rows alone, moved together.
    void keep_wanted() {
        rows_.assign(wanted_.begin(), wanted_.end());
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            const auto to = static_cast<std::int64_t>(i);
            if (rows_[i] != to) std::copy_n(x_.row(rows_[i]).data(), x_.cols, x_.row(to).data());
        }
        x_ = x_.row_range(0, static_cast<std::int64_t>(rows_.size()));
        q_ = q_.row_range(0, static_cast<std::int64_t>(rows_.size()));
    }

    std::span<const PassPart> parts_;
    std::span<const std::int64_t> wanted_;
    AttentionShape shape_;
    RowPaths paths_;
    std::vector<Kept> kept_;
    std::vector<std::int64_t> rows_;  // of the pass, for each row of x
};

}  // namespace

Result<void> run_branches(const Model& model, std::span<const PassPart> parts, std::span<const std::int64_t> wanted,
                          const LogitSink& sink, ForwardBuffers& buffers, ThreadPool& pool) {
    std::int64_t rows = 0;
    for (const PassPart& part : parts) {
        DWUBIT_CHECK(part.ids.size() == part.positions.size());
        rows += static_cast<std::int64_t>(part.ids.size());
        DWUBIT_TRY(model.check_ids(part.ids));
        if (part.positions.empty()) continue;
        DWUBIT_CHECK(part.positions.front() <= part.cache->length());
        const std::int64_t most = *std::max_element(part.positions.begin(), part.positions.end());
        DWUBIT_TRY(model.check_positions(most + 1, *part.cache));
    }
    if (rows == 0) return {};
    DWUBIT_CHECK(std::is_sorted(wanted.begin(), wanted.end()) && (wanted.empty() || wanted.back() < rows));
    BranchPass(model, parts, wanted, buffers, pool).run(sink);
    return {};
}

}  // namespace dwubit
