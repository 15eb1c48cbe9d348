// What the parts of the scorer share.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/request_tokens.h"
#include "eval/scorer.h"
#include "runtime/model/forward_buffers.h"

namespace dwubit {

struct Scorer::Impl {
    const Model& model;
    const Tokenizer& tokenizer;
    ThreadPool& pool;
    ScorerOptions options;
    RequestEncoder encoder;
    std::int64_t max_length = 0;
    ScorerCounts counts = {};
    ForwardBuffers buffers = {};

    // encode(request) for each request, on all threads; the error of the first that has one, naming it.
    template <class T, class Encode>
    Result<std::vector<T>> encode_all(std::span<const TaskRequest> requests, const Encode& encode) const {
        std::vector<Result<T>> encoded(requests.size(), T());
        pool.parallel_for(static_cast<std::int64_t>(requests.size()), [&](std::int64_t i) {
            const auto index = static_cast<std::size_t>(i);
            encoded[index] = encode(requests[index]);
        });
        std::vector<T> values;
        values.reserve(requests.size());
        for (std::size_t i = 0; i < encoded.size(); ++i) {
            DWUBIT_ASSIGN(T value, std::move(encoded[i]).context(request_name(i)));
            values.push_back(std::move(value));
        }
        return values;
    }

    // `cut` texts of so many have more than `length` tokens.
    static void warn_of_cut(std::int64_t cut, std::size_t of, std::string_view what, std::int64_t length);
    static std::string request_name(std::size_t index) { return fmt::format("request {}", index); }

    // Log-likelihoods of the texts, one after the other. `owner`: the request of each text, for messages.
    Result<std::vector<Response>> score(std::span<const ScoredText> texts, std::span<const std::size_t> owner,
                                        ProgressSink& progress);
};

}  // namespace dwubit
