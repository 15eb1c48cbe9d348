// Tokens in, logits out: what every metric reads, so that all models are measured by the same code.
#pragma once

#include <cstdint>
#include <span>

#include "runtime/model/model.h"

namespace dwubit {

class LogitSource {
public:
    virtual ~LogitSource() = default;
    virtual std::int64_t vocab() const = 0;
    // Empties the context.
    virtual void restart() = 0;
    // Logits of every position of `ids`, which follow what the context has; row 0 is ids[0]. `sink` is called once per
    // row, in any order, from several threads at once.
    virtual Result<void> extend(std::span<const TokenId> ids, const LogitSink& sink) = 0;
    // The same from an empty context.
    Result<void> score(std::span<const TokenId> ids, const LogitSink& sink) {
        restart();
        return extend(ids, sink);
    }
};

// A model on this machine's processor.
class ModelLogitSource final : public LogitSource {
public:
    // `longest`: the most ids the context will have. Model and pool must outlive this.
    static Result<ModelLogitSource> create(const Model& model, std::int64_t longest, ThreadPool& pool,
                                           KvType kv = KvType::kF32);

    std::int64_t vocab() const override { return model_->config().vocab; }
    void restart() override { cache_.truncate(0); }
    Result<void> extend(std::span<const TokenId> ids, const LogitSink& sink) override;

private:
    ModelLogitSource(const Model& model, KvCache cache, ThreadPool& pool)
        : model_(&model), cache_(std::move(cache)), pool_(&pool) {}

    const Model* model_;
    KvCache cache_;
    ThreadPool* pool_;
};

}  // namespace dwubit
