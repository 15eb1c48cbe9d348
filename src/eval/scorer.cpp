#include "eval/scorer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/stop.h"
#include "eval/scorer_impl.h"
#include "eval/shared_rows.h"
#include "runtime/model/branch_pass.h"

namespace dwubit {
namespace {

// log p(i) = logits[i] - log_sum, in double; `likeliest` is the lowest id of the largest logit.
struct RowDistribution {
    explicit RowDistribution(std::span<const float> logits) {
        likeliest = std::max_element(logits.begin(), logits.end()) - logits.begin();
        const double maximum = logits[static_cast<std::size_t>(likeliest)];
        double sum = 0;
        for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - maximum);
        log_sum = maximum + std::log(sum);
    }

    std::int64_t likeliest = 0;
    double log_sum = 0;
};

// Goes through the rows pass by pass and fills in what the targets are answered.
class TargetRows {
public:
    TargetRows(const Model& model, const SharedRows& rows, std::int64_t batch_size, ForwardBuffers& buffers,
               ThreadPool& pool)
        : model_(model),
          rows_(rows),
          batch_size_(batch_size),
          buffers_(buffers),
          pool_(pool),
          log_probs_(rows.targets.size()),
          greedy_(rows.targets.size()) {}

    Result<void> run(ProgressSink& progress) {
        const auto total = static_cast<std::int64_t>(rows_.ids.size());
        DWUBIT_ASSIGN(KvCache cache, KvCache::create(model_.config(), std::max<std::int64_t>(rows_.longest, 1)));
        progress.begin("score", total, "tokens");
        for (std::int64_t first = 0; first < total;) {
            const std::int64_t end = end_of_pass(first);
            DWUBIT_TRY(check_stop());
            DWUBIT_TRY(pass(first, end, cache));
            first = end;
            progress.update(first);
        }
        progress.end();
        return {};
    }

    double log_prob(std::size_t target) const { return log_probs_[target]; }
    bool greedy(std::size_t target) const { return greedy_[target] != 0; }

private:
    std::int64_t end_of_pass(std::int64_t first) const {
        const std::int64_t end = std::min(first + kBranchPassRows, static_cast<std::int64_t>(rows_.ids.size()));
        if (batch_size_ == 0) return end;
        const auto text = std::upper_bound(rows_.ends.begin(), rows_.ends.end(), first);
        const std::int64_t texts = rows_.ends.end() - text;
        return std::min(end, text[std::min(batch_size_, texts) - 1]);
    }

    Result<void> pass(std::int64_t first, std::int64_t end, KvCache& cache) {
        const auto begin = static_cast<std::size_t>(first);
        const auto count = static_cast<std::size_t>(end - first);
        std::vector<std::int64_t> wanted;
        std::vector<std::size_t> first_target;  // of each wanted row
        const auto before = [](const SharedRows::Target& target, std::int64_t row) { return target.row < row; };
        const auto place = std::lower_bound(rows_.targets.begin(), rows_.targets.end(), first, before);
        auto t = static_cast<std::size_t>(place - rows_.targets.begin());
        for (; t < rows_.targets.size() && rows_.targets[t].row < end; ++t) {
            if (!wanted.empty() && wanted.back() == rows_.targets[t].row - first) continue;
            wanted.push_back(rows_.targets[t].row - first);
            first_target.push_back(t);
        }
        const auto sink = [&](std::int64_t row, std::span<const float> logits) {
            const auto i = std::lower_bound(wanted.begin(), wanted.end(), row) - wanted.begin();
            answer(first_target[static_cast<std::size_t>(i)], logits);
        };
        const PassPart part{&cache, std::span(rows_.ids).subspan(begin, count),
                            std::span(rows_.positions).subspan(begin, count)};
        return run_branches(model_, {&part, 1}, wanted, sink, buffers_, pool_);
    }

    // All targets of the row that target `t` is the first of.
    void answer(std::size_t t, std::span<const float> logits) {
        const RowDistribution row(logits);
        const std::int64_t number = rows_.targets[t].row;
        for (; t < rows_.targets.size() && rows_.targets[t].row == number; ++t) {
            const TokenId id = rows_.targets[t].id;
            log_probs_[t] = static_cast<double>(logits[static_cast<std::size_t>(id)]) - row.log_sum;
            greedy_[t] = static_cast<char>(row.likeliest == id);
        }
    }

    const Model& model_;
    const SharedRows& rows_;
    std::int64_t batch_size_;
    ForwardBuffers& buffers_;
    ThreadPool& pool_;
    std::vector<double> log_probs_;
    std::vector<char> greedy_;  // written by several threads, which vector<bool> does not allow
};

}  // namespace

Result<std::vector<Response>> Scorer::Impl::score(std::span<const TaskRequest> requests,
                                                  std::span<const ScoredText> texts, std::span<const std::size_t> owner,
                                                  ProgressSink& progress) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
        DWUBIT_TRY(model.check_ids(texts[i].ids).context(request_name(requests, owner[i])));
    }
    const SharedRows rows = share_rows(texts);
    TargetRows targets(model, rows, options.batch_size, buffers, pool);
    DWUBIT_TRY(targets.run(progress));
    counts.tokens_evaluated += static_cast<std::int64_t>(rows.ids.size());
    counts.tokens_reused += rows.text_positions - static_cast<std::int64_t>(rows.ids.size());

    std::vector<Response> responses(texts.size(), Response{0, true, {}});
    for (std::size_t t = 0; t < rows.targets.size(); ++t) {
        Response& response = responses[static_cast<std::size_t>(rows.targets[t].text)];
        response.loglikelihood += targets.log_prob(t);
        response.is_greedy = response.is_greedy && targets.greedy(t);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (!std::isnan(responses[i].loglikelihood)) continue;
        return errorf(ErrorKind::kInvalidInput, "the model gives NaN logits for {}", request_name(requests, owner[i]));
    }
    return responses;
}

Result<Scorer> Scorer::create(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool,
                              const ScorerOptions& options) {
    const std::int64_t positions = model.config().max_positions;
    const std::int64_t max_length = options.max_length.value_or(positions);
    if (max_length < 1 || max_length > positions) {
        return errorf(ErrorKind::kUsage, "max_length {} is outside 1 .. {}, the positions of the model", max_length,
                      positions);
    }
    if (options.batch_size < 0) {
        return errorf(ErrorKind::kUsage, "batch_size {} is negative", options.batch_size).with_hint("0 = automatic");
    }
    auto encoder = RequestEncoder::create(model, tokenizer, options.add_bos);
    return Scorer(
        std::unique_ptr<Impl>(new Impl{model, tokenizer, pool, options, std::move(encoder), max_length, {}, {}}));
}

Result<std::vector<Response>> Scorer::loglikelihood(std::span<const TaskRequest> requests, ProgressSink& progress) {
    DWUBIT_ASSIGN(const std::vector<ScoredText> texts,
                  impl_->encode_all<ScoredText>(requests, [&](const TaskRequest& request) {
                      return impl_->encoder.pair(request.context, request.continuation, impl_->max_length);
                  }));
    Impl::warn_of_cut(requests, texts, impl_->max_length + 1);
    std::vector<std::size_t> owner(texts.size());
    std::iota(owner.begin(), owner.end(), 0);
    return impl_->score(requests, texts, owner, progress);
}

Result<std::vector<Response>> Scorer::loglikelihood_rolling(std::span<const TaskRequest> requests,
                                                            ProgressSink& progress) {
    using Windows = std::vector<ScoredText>;
    DWUBIT_ASSIGN(std::vector<Windows> windows, impl_->encode_all<Windows>(requests, [&](const TaskRequest& request) {
        return impl_->encoder.rolling(request.context, impl_->max_length);
    }));
    std::vector<ScoredText> texts;
    std::vector<std::size_t> owner;
    for (std::size_t i = 0; i < windows.size(); ++i) {
        for (ScoredText& window : windows[i]) {
            texts.push_back(std::move(window));
            owner.push_back(i);
        }
    }
    DWUBIT_ASSIGN(const std::vector<Response> parts, impl_->score(requests, texts, owner, progress));
    std::vector<Response> responses(requests.size(), Response{0, true, {}});
    for (std::size_t i = 0; i < parts.size(); ++i) {
        Response& response = responses[owner[i]];
        response.loglikelihood += parts[i].loglikelihood;
        response.is_greedy = response.is_greedy && parts[i].is_greedy;
    }
    return responses;
}

const ScorerCounts& Scorer::counts() const {
    return impl_->counts;
}

std::int64_t Scorer::max_length() const {
    return impl_->max_length;
}

bool Scorer::add_bos() const {
    return impl_->encoder.add_bos();
}

Scorer::Scorer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Scorer::Scorer(Scorer&&) noexcept = default;
Scorer& Scorer::operator=(Scorer&&) noexcept = default;
Scorer::~Scorer() = default;

}  // namespace dwubit
