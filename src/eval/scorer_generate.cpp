#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "base/sha256.h"
#include "base/stop.h"
#include "eval/generation_options.h"
#include "eval/scorer.h"
#include "eval/scorer_impl.h"
#include "runtime/model/branch_pass.h"

namespace dwubit {
namespace {

// Texts continued side by side: they fill one block of rows of a product.
constexpr std::int64_t kMostSlots = Activations::kBlockRows;
// Bytes that their caches may take together.
constexpr std::int64_t kCacheBytes = std::int64_t{2} << 30;

// One text that is being continued.
struct Slot {
    KvCache cache;
    std::size_t request = 0;
    bool busy = false;
    Sampler sampler{SamplerOptions{}};
    std::vector<TokenId> ids = {};  // new ones
};

class Generator {
public:
    Generator(const Model& model, const Tokenizer& tokenizer, const TextGeneration& options,
              std::vector<std::string> stops, std::span<const Prompt> prompts, std::span<const std::uint64_t> seeds,
              ForwardBuffers& buffers, ThreadPool& pool)
        : model_(model),
          tokenizer_(tokenizer),
          options_(options),
          stops_(std::move(stops)),
          prompts_(prompts),
          seeds_(seeds),
          buffers_(buffers),
          pool_(pool),
          responses_(prompts.size()) {}

    void end_with(TokenId id) { end_ids_.push_back(id); }

    Result<void> run(std::int64_t slots, ProgressSink& progress) {
        std::vector<std::size_t> order(prompts_.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return prompts_[a].ids < prompts_[b].ids; });
        std::int64_t longest = 0;
        for (const Prompt& prompt : prompts_) longest = std::max(longest, size_of(prompt.ids));
        DWUBIT_TRY(make_slots(slots, longest + options_.max_tokens));
        progress.begin("generate", size_of(order), "texts");
        std::size_t next = 0;
        while (next < order.size() || busy_ > 0) {
            for (Slot& slot : slots_) {
                if (!slot.busy && next < order.size()) DWUBIT_TRY(fill(slot, order[next++]));
            }
            DWUBIT_TRY(check_stop());
            DWUBIT_TRY(step());
            progress.update(static_cast<std::int64_t>(next) - busy_);
        }
        progress.end();
        return {};
    }

    std::vector<Response> take_responses() { return std::move(responses_); }
    const ScorerCounts& counts() const { return counts_; }

private:
    template <class T>
    static std::int64_t size_of(const std::vector<T>& values) {
        return static_cast<std::int64_t>(values.size());
    }

    Result<void> make_slots(std::int64_t slots, std::int64_t capacity) {
        const ModelConfig& config = model_.config();
        const std::int64_t bytes = config.layers * config.kv_heads * config.head_dim * capacity * 8;
        slots =
            std::clamp<std::int64_t>(std::min(kCacheBytes / std::max<std::int64_t>(bytes, 1), slots), 1, kMostSlots);
        slots = std::min(slots, size_of(responses_));
        for (std::int64_t i = 0; i < slots; ++i) {
            DWUBIT_ASSIGN(KvCache cache, KvCache::create(config, capacity));
            slots_.push_back(Slot{std::move(cache)});
        }
        return {};
    }

    // Starts a request: its prompt through the model, but for what it shares with the prompt before, and its first
    // token.
    Result<void> fill(Slot& slot, std::size_t request) {
        const std::vector<TokenId>& ids = prompts_[request].ids;
        const std::int64_t shared = take_shared(slot, ids);
        slot.request = request;
        slot.ids.clear();
        SamplerOptions sampler = options_.sampler;
        sampler.seed = seeds_[request];
        slot.sampler = Sampler(sampler);
        for (const TokenId id : ids) slot.sampler.accept(id);
        counts_.tokens_reused += shared;
        counts_.tokens_evaluated += size_of(ids) - shared;

        Result<TokenId> choice = make_error(ErrorKind::kInternal, "the pass gave no logits");
        const auto sink = [&](std::int64_t, std::span<const float> logits) { choice = slot.sampler.choose(logits); };
        std::vector<std::int64_t> positions(ids.size());
        std::iota(positions.begin(), positions.end(), 0);
        for (std::int64_t first = shared; first < size_of(ids); first += kBranchPassRows) {
            const std::int64_t count = std::min(kBranchPassRows, size_of(ids) - first);
            const auto begin = static_cast<std::size_t>(first);
            const PassPart part{&slot.cache, std::span(ids).subspan(begin, static_cast<std::size_t>(count)),
                                std::span(positions).subspan(begin, static_cast<std::size_t>(count))};
            std::vector<std::int64_t> wanted;
            if (first + count == size_of(ids)) wanted.push_back(count - 1);
            DWUBIT_TRY(run_branches(model_, {&part, 1}, wanted, sink, buffers_, pool_));
        }
        slot.busy = true;
        ++busy_;
        return take_token(slot, std::move(choice));
    }

    // Positions at the beginning of `ids` that the slot's cache has afterwards.
    std::int64_t take_shared(Slot& slot, const std::vector<TokenId>& ids) {
        std::int64_t shared = 0;
        if (last_filled_ != nullptr) {
            const std::vector<TokenId>& before = prompts_[last_filled_->request].ids;
            shared = std::mismatch(ids.begin(), ids.end(), before.begin(), before.end()).first - ids.begin();
            shared = std::min(shared, size_of(ids) - 1);  // the last row is asked for its logits
        }
        if (last_filled_ == &slot || shared == 0) {
            slot.cache.truncate(shared);
        } else {
            slot.cache.copy_from(last_filled_->cache, shared);
        }
        last_filled_ = &slot;
        return shared;
    }

    // The next token of every text.
    Result<void> step() {
        std::vector<Slot*> busy;
        for (Slot& slot : slots_) {
            if (slot.busy) busy.push_back(&slot);
        }
        std::vector<std::int64_t> positions;
        for (const Slot* slot : busy) positions.push_back(slot->cache.length());
        std::vector<std::int64_t> wanted(busy.size());
        std::iota(wanted.begin(), wanted.end(), 0);
        std::vector<PassPart> parts;
        for (std::size_t i = 0; i < busy.size(); ++i) {
            parts.push_back({&busy[i]->cache, std::span(busy[i]->ids).last(1), std::span(positions).subspan(i, 1)});
        }
        std::vector<Result<TokenId>> choices(busy.size(), TokenId{0});
        const auto sink = [&](std::int64_t row, std::span<const float> logits) {
            const auto i = static_cast<std::size_t>(row);
            choices[i] = busy[i]->sampler.choose(logits);
        };
        DWUBIT_TRY(run_branches(model_, parts, wanted, sink, buffers_, pool_));
        counts_.tokens_evaluated += size_of(busy);
        for (std::size_t i = 0; i < busy.size(); ++i) DWUBIT_TRY(take_token(*busy[i], std::move(choices[i])));
        return {};
    }

    // Appends a token to a text, or ends it.
    Result<void> take_token(Slot& slot, Result<TokenId> choice) {
        DWUBIT_ASSIGN(const TokenId id, std::move(choice).context(fmt::format("request {}", slot.request)));
        bool ended = std::find(end_ids_.begin(), end_ids_.end(), id) != end_ids_.end();
        if (!ended) {
            slot.ids.push_back(id);
            slot.sampler.accept(id);
            ended = size_of(slot.ids) == options_.max_tokens;
        }
        if (ended || !stops_.empty()) {
            DWUBIT_ASSIGN(std::string text, text_of(slot.ids));
            ended = ended || std::any_of(stops_.begin(), stops_.end(),
                                         [&](const std::string& stop) { return text.find(stop) != std::string::npos; });
            if (ended) responses_[slot.request].text = cut_at(std::move(text), stops_);
        }
        if (ended) {
            slot.busy = false;
            --busy_;
        }
        return {};
    }

    // A model may have more ids than its tokenizer: those have no text.
    Result<std::string> text_of(const std::vector<TokenId>& ids) const {
        std::vector<TokenId> known;
        for (const TokenId id : ids) {
            if (tokenizer_.token(id) != nullptr) known.push_back(id);
        }
        return tokenizer_.decode(known, true);
    }

    const Model& model_;
    const Tokenizer& tokenizer_;
    const TextGeneration& options_;
    std::vector<std::string> stops_;
    std::span<const Prompt> prompts_;
    std::span<const std::uint64_t> seeds_;
    ForwardBuffers& buffers_;
    ThreadPool& pool_;
    std::vector<TokenId> end_ids_;
    std::vector<Slot> slots_;
    Slot* last_filled_ = nullptr;
    std::int64_t busy_ = 0;
    std::vector<Response> responses_;
    ScorerCounts counts_;
};

// A function of the text and of how many requests before have the same one, so that repeats differ.
std::vector<std::uint64_t> request_seeds(std::span<const TaskRequest> requests, std::uint64_t seed) {
    std::map<std::string_view, std::int64_t> seen;
    std::vector<std::uint64_t> seeds;
    for (const TaskRequest& request : requests) {
        Sha256 hash;
        hash.update(request.context);
        hash.update(fmt::format("\n{} {}", seed, seen[request.context]++));
        const auto digest = hash.digest();
        std::uint64_t value = 0;
        std::memcpy(&value, digest.data(), sizeof value);
        seeds.push_back(value);
    }
    return seeds;
}

}  // namespace

Result<std::vector<Response>> Scorer::generate_until(std::span<const TaskRequest> requests,
                                                     const OrderedJson& generation, ProgressSink& progress) {
    DWUBIT_ASSIGN(const TextGeneration options, text_generation(generation));
    const std::int64_t longest = impl_->max_length - options.max_tokens;
    if (longest < 1) {
        return errorf(ErrorKind::kInvalidInput, "max_gen_toks {} leaves no room for a prompt in {} positions",
                      options.max_tokens, impl_->max_length)
            .with_hint(fmt::format("max_gen_toks must be below {}", impl_->max_length));
    }
    if (requests.empty()) return std::vector<Response>();
    DWUBIT_ASSIGN(const std::vector<Prompt> prompts,
                  impl_->encode_all<Prompt>(requests, [&](const TaskRequest& request) -> Result<Prompt> {
                      DWUBIT_ASSIGN(Prompt prompt, impl_->encoder.prompt(request.context, longest));
                      DWUBIT_TRY(impl_->model.check_ids(prompt.ids));
                      return prompt;
                  }));
    Impl::warn_of_cut(requests, prompts, longest);

    std::vector<std::string> stops = options.until;
    const auto eos = impl_->encoder.eos();
    if (eos && impl_->tokenizer.token(*eos) != nullptr) {
        // An EOS that the model writes as text ends it as well.
        DWUBIT_ASSIGN(const std::string text, impl_->tokenizer.decode({&*eos, 1}, false));
        if (!text.empty() && std::find(stops.begin(), stops.end(), text) == stops.end()) stops.push_back(text);
    }
    const std::vector<std::uint64_t> seeds = request_seeds(requests, impl_->options.seed);
    Generator generator(impl_->model, impl_->tokenizer, options, std::move(stops), prompts, seeds, impl_->buffers,
                        impl_->pool);
    for (const TokenId id : impl_->model.config().eos_ids) generator.end_with(id);
    if (eos) generator.end_with(*eos);
    const std::int64_t slots = impl_->options.batch_size == 0 ? kMostSlots : impl_->options.batch_size;
    DWUBIT_TRY(generator.run(slots, progress));
    impl_->counts.tokens_evaluated += generator.counts().tokens_evaluated;
    impl_->counts.tokens_reused += generator.counts().tokens_reused;
    return generator.take_responses();
}

}  // namespace dwubit
