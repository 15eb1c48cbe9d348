#include "tokenizer/decoder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/string_replacer.h"

namespace dwubit {
namespace {

constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

class ReplaceStage : public DecodeStage {
public:
    ReplaceStage(const StringReplacer& replacer, DecodeStage& next) : replacer_(replacer), next_(next) {}
    void text(std::string_view piece) override {
        out_.clear();
        replacer_.append(state_, piece, out_);
        next_.text(out_);
    }
    void end_token() override {
        out_.clear();
        replacer_.finish(state_, out_);
        next_.text(out_);
        next_.end_token();
    }

private:
    const StringReplacer& replacer_;
    DecodeStage& next_;
    StringReplacer::State state_;
    std::string out_;
};

// "<0x61>" and the like become bytes. A run of byte tokens that is not well-formed UTF-8 as a whole becomes one U+FFFD
// per byte, so nothing of a run is certain before its end.
class ByteFallbackStage : public DecodeStage {
public:
    explicit ByteFallbackStage(DecodeStage& next) : next_(next) {}
    void text(std::string_view piece) override {
        if (!is_text_ && token_.size() + piece.size() <= kByteTokenSize) {
            token_.append(piece);
            return;
        }
        begin_text();
        next_.text(piece);
    }
    void end_token() override {
        if (const auto byte = is_text_ ? std::nullopt : byte_of(token_)) {
            run_.push_back(*byte);
            token_.clear();
            return;
        }
        begin_text();
        next_.end_token();
        is_text_ = false;
    }
    void finish() override { end_run(); }

private:
    static constexpr std::size_t kByteTokenSize = 6;

    static std::optional<char> byte_of(std::string_view token) {
        if (token.size() != kByteTokenSize || !token.starts_with("<0x") || token.back() != '>') return std::nullopt;
        const auto digit = [](char c) {
            if (c >= '0' && c <= '9') return c - '0';
            if (c >= 'a' && c <= 'f') return c - 'a' + 10;
            if (c >= 'A' && c <= 'F') return c - 'A' + 10;
            return -1;
        };
        // Hugging Face reads the digits with a function that takes a plus sign.
        const int high = token[3] == '+' ? 0 : digit(token[3]);
        const int low = digit(token[4]);
        if (high < 0 || low < 0) return std::nullopt;
        return static_cast<char>(high * 16 + low);
    }

    // The token at hand is no byte token: what was held back goes on, the run before it first.
    void begin_text() {
        if (is_text_) return;
        is_text_ = true;
        end_run();
        next_.text(token_);
        token_.clear();
    }

    void end_run() {
        if (run_.empty()) return;
        if (!find_invalid_utf8(run_)) {
            next_.text(run_);
            next_.end_token();
        } else {
            for (std::size_t i = 0; i < run_.size(); ++i) {
                next_.text(kReplacementCharacter);
                next_.end_token();
            }
        }
        run_.clear();
    }

    DecodeStage& next_;
    std::string run_;       // bytes of the byte tokens since the last other token
    std::string token_;     // the token at hand while it may be a byte token
    bool is_text_ = false;  // the token at hand is none
};

// Characters that stand for bytes become those bytes; a token with a character that stands for none goes through as it
// is. What the bytes of all tokens together are in UTF-8 is one text, with U+FFFD for ill-formed parts.
class ByteLevelStage : public DecodeStage {
public:
    explicit ByteLevelStage(DecodeStage& next) : next_(next) {}
    void text(std::string_view piece) override { token_.append(piece); }
    void end_token() override {
        if (!append_bytes_of_characters(token_, bytes_)) bytes_.append(token_);
        token_.clear();
        release(bytes_.size() - unfinished_bytes());
    }
    void finish() override {
        release(bytes_.size());
        next_.end_token();
    }

private:
    // Bytes at the end that later ones may complete to a character.
    std::size_t unfinished_bytes() const {
        for (std::size_t count = 1; count <= std::min<std::size_t>(3, bytes_.size()); ++count) {
            const auto byte = static_cast<unsigned char>(bytes_[bytes_.size() - count]);
            if (byte < 0x80) return 0;
            if (byte >= 0xC0) return utf8_length(byte) > count ? count : 0;
        }
        return 0;
    }

    void release(std::size_t count) {
        if (count == 0) return;
        next_.text(replace_invalid_utf8(std::string_view(bytes_).substr(0, count)));
        bytes_.erase(0, count);
    }

    DecodeStage& next_;
    std::string token_;
    std::string bytes_;  // not yet passed on
};

class FuseStage : public DecodeStage {
public:
    explicit FuseStage(DecodeStage& next) : next_(next) {}
    void text(std::string_view piece) override { next_.text(piece); }
    void end_token() override {}
    void finish() override { next_.end_token(); }

private:
    DecodeStage& next_;
};

struct StripLimits {
    std::string content;    // one character
    std::size_t start = 0;  // at most so many are cut off at the start of a token,
    std::size_t stop = 0;   // and at its end
};

class StripStage : public DecodeStage {
public:
    StripStage(const StripLimits& limits, DecodeStage& next) : limits_(limits), next_(next) {}
    void text(std::string_view piece) override {
        const std::string_view content = limits_.content;
        while (cut_ < limits_.start && piece.starts_with(content)) {
            piece.remove_prefix(content.size());
            ++cut_;
        }
        if (piece.empty()) return;
        cut_ = limits_.start;
        std::size_t trailing = 0;
        std::string_view rest = piece;
        while (trailing < limits_.stop && rest.ends_with(content)) {
            rest.remove_suffix(content.size());
            ++trailing;
        }
        // Of a run of `content` at the end only the last `stop` may still be cut.
        std::size_t release = held_;
        if (rest.empty()) release = held_ + trailing > limits_.stop ? held_ + trailing - limits_.stop : 0;
        for (std::size_t i = 0; i < release; ++i) next_.text(content);
        held_ += trailing - release;
        if (!rest.empty()) next_.text(rest);
    }
    void end_token() override {
        next_.end_token();
        cut_ = 0;
        held_ = 0;
    }

private:
    const StripLimits& limits_;
    DecodeStage& next_;
    std::size_t cut_ = 0;   // cut off at the start of this token; limits_.start once other text has come
    std::size_t held_ = 0;  // how many `content` at the end of this token are held back
};

// What Hugging Face does without a decoder. The first stage hears each token as one piece.
class JoinStage : public DecodeStage {
public:
    explicit JoinStage(DecodeStage& next) : next_(next) {}
    void text(std::string_view piece) override {
        if (!is_first_) next_.text(" ");
        next_.text(piece);
    }
    void end_token() override {
        next_.end_token();
        is_first_ = false;
    }

private:
    DecodeStage& next_;
    bool is_first_ = true;
};

class ReplaceStep : public DecoderStep {
public:
    explicit ReplaceStep(StringReplacer replacer) : replacer_(std::move(replacer)) {}
    std::unique_ptr<DecodeStage> start(DecodeStage& next) const override {
        return std::make_unique<ReplaceStage>(replacer_, next);
    }
    std::size_t growth() const override { return replacer_.growth(); }

private:
    StringReplacer replacer_;
};

class StripStep : public DecoderStep {
public:
    explicit StripStep(StripLimits limits) : limits_(std::move(limits)) {}
    std::unique_ptr<DecodeStage> start(DecodeStage& next) const override {
        return std::make_unique<StripStage>(limits_, next);
    }

private:
    StripLimits limits_;
};

// A step without arguments.
template <class Stage, std::size_t kGrowth = 1>
class PlainStep : public DecoderStep {
public:
    std::unique_ptr<DecodeStage> start(DecodeStage& next) const override { return std::make_unique<Stage>(next); }
    std::size_t growth() const override { return kGrowth; }
};

template <class Stage, std::size_t kGrowth = 1>
Result<Steps<DecoderStep>> parse_plain_step(const Json&, const std::string&) {
    return one_step<PlainStep<Stage, kGrowth>, DecoderStep>();
}

Result<Steps<DecoderStep>> parse_replace_step(const Json& json, const std::string& where) {
    DWUBIT_ASSIGN(StringReplacer replacer, parse_replace(json, where));
    return one_step<ReplaceStep, DecoderStep>(std::move(replacer));
}

Result<Steps<DecoderStep>> parse_strip_step(const Json& json, const std::string& where) {
    constexpr std::int64_t kMaxCount = 1 << 30;
    const Fields fields(json, where);
    StripLimits limits;
    DWUBIT_ASSIGN(limits.content, fields.string("content"));
    if (limits.content.empty() || utf8_length(static_cast<unsigned char>(limits.content[0])) != limits.content.size()) {
        return fields.invalid("content", "one character");
    }
    DWUBIT_ASSIGN(limits.start, fields.integer("start", 0, kMaxCount));
    DWUBIT_ASSIGN(limits.stop, fields.integer("stop", 0, kMaxCount));
    return one_step<StripStep, DecoderStep>(std::move(limits));
}

Result<Steps<DecoderStep>> parse_decoder(const Json& json, const std::string& where);

Result<Steps<DecoderStep>> parse_decoder_sequence(const Json& json, const std::string& where) {
    return parse_sequence<DecoderStep>(json, where, "decoders", parse_decoder);
}

constexpr StepRow<DecoderStep> kDecoders[] = {
    {"Replace", parse_replace_step},       {"ByteFallback", parse_plain_step<ByteFallbackStage>},
    {"Fuse", parse_plain_step<FuseStage>}, {"Strip", parse_strip_step},
    {"Sequence", parse_decoder_sequence},  {"ByteLevel", parse_plain_step<ByteLevelStage, 3>},
};

Result<Steps<DecoderStep>> parse_decoder(const Json& json, const std::string& where) {
    return parse_step<DecoderStep>(json, where, kDecoders);
}

}  // namespace

Result<Decoder> Decoder::parse(const Json& json, const std::string& where) {
    Decoder decoder;
    if (json.is_null()) {
        decoder.steps_ = one_step<PlainStep<JoinStage>, DecoderStep>();
        return decoder;
    }
    DWUBIT_ASSIGN(decoder.steps_, parse_chain<DecoderStep>(json, where, parse_decoder));
    return decoder;
}

struct DecodePipe::Sink : DecodeStage {
    void text(std::string_view piece) override { out.append(piece); }
    void end_token() override {}
    std::string out;
};

DecodePipe::DecodePipe(const Decoder& decoder) : sink_(std::make_unique<Sink>()) {
    for (std::size_t i = decoder.steps_.size(); i-- > 0;) {
        DecodeStage& next = stages_.empty() ? *sink_ : *stages_.back();
        stages_.push_back(decoder.steps_[i]->start(next));
    }
}

DecodePipe::DecodePipe(DecodePipe&&) noexcept = default;
DecodePipe::~DecodePipe() = default;

void DecodePipe::push(std::string_view token) {
    DecodeStage& first = stages_.empty() ? *sink_ : *stages_.back();
    first.text(token);
    first.end_token();
}

void DecodePipe::finish() {
    for (std::size_t i = stages_.size(); i-- > 0;) stages_[i]->finish();
}

std::string DecodePipe::take() {
    return std::exchange(sink_->out, {});
}

}  // namespace dwubit
