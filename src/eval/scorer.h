// Answers of a model to the requests of tasks, with lm-evaluation-harness' rules of encoding:
//
//   context + continuation is encoded as one text, blanks at the context's end moved to the continuation; the
//   continuation's ids are what follows as many ids as the context alone has. Longer than max_length + 1: cut from the
//   left. An empty context is the prefix token (BOS, else EOS).
//   A rolling text is scored in windows of max_length, the first after the prefix token, the next ones after the token
//   before them; the last, which may be short, has as many tokens of context as fill it up.
//   A prompt to continue is cut from the left to max_length - max_gen_toks.
//
// Requests share what their beginnings have in common: it is evaluated once. A request's answer is a function of its
// text alone: the same bytes for any batch size, order or number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/log.h"
#include "eval/responses.h"
#include "runtime/model/model.h"
#include "tasks/task.h"
#include "tokenizer/tokenizer.h"

namespace dwubit {

struct ScorerOptions {
    std::optional<bool> add_bos;             // unset: the tokenizer's rule
    std::optional<std::int64_t> max_length;  // unset: the model's max_positions
    std::int64_t batch_size = 0;  // sequences evaluated together; 0 = as many as memory allows by our own rule
    std::uint64_t seed = 1234;    // of generate_until with do_sample
};

struct ScorerCounts {
    std::int64_t tokens_evaluated = 0;  // positions that went through the model
    std::int64_t tokens_reused = 0;     // positions of requests that did not, because another request's were taken
};

class Scorer {
public:
    // Model, tokenizer and pool must outlive this.
    static Result<Scorer> create(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool,
                                 const ScorerOptions& options);

    // One answer per request, in order. Errors name the request's origin: no id for the continuation, a prompt that
    // leaves no room, NaN logits.
    Result<std::vector<Response>> loglikelihood(std::span<const TaskRequest> requests, ProgressSink& progress);
    Result<std::vector<Response>> loglikelihood_rolling(std::span<const TaskRequest> requests, ProgressSink& progress);
    // `generation`: generation_options.h. The tokenizer's EOS and the model's end an answer too.
    Result<std::vector<Response>> generate_until(std::span<const TaskRequest> requests, const OrderedJson& generation,
                                                 ProgressSink& progress);

    const ScorerCounts& counts() const;
    std::int64_t max_length() const;
    bool add_bos() const;

    Scorer(Scorer&&) noexcept;
    Scorer& operator=(Scorer&&) noexcept;
    ~Scorer();

private:
    struct Impl;
    explicit Scorer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace dwubit
