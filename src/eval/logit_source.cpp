#include "eval/logit_source.h"

namespace dwubit {

Result<ModelLogitSource> ModelLogitSource::create(const Model& model, std::int64_t longest, ThreadPool& pool,
                                                  KvType kv) {
    DWUBIT_ASSIGN(KvCache cache, KvCache::create(model.config(), longest, kv));
    return ModelLogitSource(model, std::move(cache), pool);
}

Result<void> ModelLogitSource::extend(std::span<const TokenId> ids, const LogitSink& sink) {
    return model_->forward(ids, cache_, LogitRows::kAll, sink, *pool_);
}

}  // namespace dwubit
