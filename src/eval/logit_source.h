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
    // Logits of every position of `ids`, read from an empty context. `sink` is called once per position, in any order,
    // from several threads at once.
    virtual Result<void> score(std::span<const TokenId> ids, const LogitSink& sink) = 0;
};

// A model on this machine's processor.
class ModelLogitSource final : public LogitSource {
public:
    // `longest`: the most ids one score() call will have. Model and pool must outlive this.
    static Result<ModelLogitSource> create(const Model& model, std::int64_t longest, ThreadPool& pool);

    std::int64_t vocab() const override { return model_->config().vocab; }
    Result<void> score(std::span<const TokenId> ids, const LogitSink& sink) override;

private:
    ModelLogitSource(const Model& model, KvCache cache, ThreadPool& pool)
        : model_(&model), cache_(std::move(cache)), pool_(&pool) {}

    const Model* model_;
    KvCache cache_;
    ThreadPool* pool_;
};

}  // namespace dwubit
