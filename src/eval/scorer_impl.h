// What the parts of the scorer share.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
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
            DWUBIT_ASSIGN(T value, std::move(encoded[i]).context(request_name(requests, i)));
            values.push_back(std::move(value));
        }
        return values;
    }

    static std::string request_name(std::span<const TaskRequest> requests, std::size_t index) {
        const std::string& origin = requests[index].origin;
        return origin.empty() ? fmt::format("request {}", index) : origin;
    }

    // texts[i], of requests[i], had more than `length` tokens where it is `cut`.
    template <class T>
    static void warn_of_cut(std::span<const TaskRequest> requests, const std::vector<T>& texts, std::int64_t length) {
        const auto is_cut = [](const T& text) { return text.cut; };
        const auto first = std::find_if(texts.begin(), texts.end(), is_cut);
        if (first == texts.end()) return;
        log_warning(fmt::format("{} of {} prompts are longer than {} tokens and were cut on the left, the first of {}",
                                std::count_if(first, texts.end(), is_cut), texts.size(), length,
                                request_name(requests, static_cast<std::size_t>(first - texts.begin()))));
    }

    // Log-likelihoods of the texts, one after the other. `owner`: the request of each text, for messages.
    Result<std::vector<Response>> score(std::span<const TaskRequest> requests, std::span<const ScoredText> texts,
                                        std::span<const std::size_t> owner, ProgressSink& progress);
};

}  // namespace dwubit
