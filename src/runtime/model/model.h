// A decoder of the Llama family with its weights bound to kernels.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "base/token_id.h"
#include "checkpoint/hf_dir.h"
#include "runtime/model/config.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/linear.h"

namespace dwubit {

struct LayerWeights {
    std::vector<float> attention_norm;  // [hidden]
    std::vector<float> mlp_norm;        // [hidden]
    std::vector<float> q_norm;          // [head_dim] or empty
    std::vector<float> k_norm;          // [head_dim] or empty
    Linear q;                           // [heads * head_dim, hidden]
    Linear k;                           // [kv_heads * head_dim, hidden]
    Linear v;                           // [kv_heads * head_dim, hidden]
    Linear o;                           // [hidden, heads * head_dim]
    Linear gate;                        // [intermediate, hidden]
    Linear up;                          // [intermediate, hidden]
    Linear down;                        // [hidden, intermediate]
};

// Which positions of a forward pass get logits.
enum class LogitRows { kNone, kLast, kAll };

// Takes the logits [vocab] of row `row` of the pass. With kAll it is called once per row, in any order, from several
// threads at once; the span is valid during the call only.
using LogitSink = std::function<void(std::int64_t row, std::span<const float> logits)>;

class Model {
public:
    // Checks names, shapes, dtypes and finiteness of all weights, then packs them for their kernels; those of a dwubit
    // directory are read from the mapped file as they are. Errors name file and tensor.
    static Result<Model> load(const std::filesystem::path& path, ActType act, ThreadPool& pool,
                              ProgressSink& progress = no_progress());
    static Result<Model> load(HfDir directory, ActType act, ThreadPool& pool, ProgressSink& progress = no_progress());

    const ModelConfig& config() const { return config_; }
    const HfDir& directory() const { return directory_; }
    ActType act() const { return act_; }
    const std::vector<LayerWeights>& layers() const { return layers_; }
    const Linear& head() const { return head_; }

    // Runs `ids` at positions cache.length() on and adds them to the cache. Any number of ids: the pass works in chunks
    // of bounded memory. Errors: an id outside the vocabulary, a full cache, a position past full_attention_limit.
    Result<void> forward(std::span<const TokenId> ids, KvCache& cache, LogitRows rows, const LogitSink& sink,
                         ThreadPool& pool) const;

    // What forward() checks: ids in the vocabulary; positions [0, end) within the cache and full_attention_limit.
    Result<void> check_ids(std::span<const TokenId> ids) const;
    Result<void> check_positions(std::int64_t end, const KvCache& cache) const;

private:
    friend class ForwardSteps;

    ModelConfig config_;
    HfDir directory_;
    ActType act_ = ActType::kF32;
    const TensorView* embedding_ = nullptr;  // [vocab, hidden], read row by row from the file
    std::vector<LayerWeights> layers_;
    std::vector<float> norm_;  // [hidden]
    Linear head_;              // [vocab, hidden]
};

}  // namespace dwubit
