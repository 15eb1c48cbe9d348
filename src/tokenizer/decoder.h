// The "decoder" of tokenizer.json: turns the texts of tokens into text.
//
// Hugging Face defines a decoder as steps from a list of strings to a list of strings. Here a step is a stage of a
// pipe that hears pieces of strings and where each ends, so that text comes out as soon as it is certain; decoding all
// at once is the same pipe, fed to its end.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dwubit/result.h"
#include "json/json.h"
#include "tokenizer/step_table.h"

namespace dwubit {

// A running step. It hears text() any number of times and end_token() for each token, then finish() once, and tells
// the next stage likewise; but finish() is called for every stage in turn by the pipe, so it does not pass that on.
// Pieces are whole characters.
class DecodeStage {
public:
    virtual ~DecodeStage() = default;
    virtual void text(std::string_view piece) = 0;
    virtual void end_token() = 0;
    virtual void finish() {}
};

class DecoderStep {
public:
    virtual ~DecoderStep() = default;
    virtual std::unique_ptr<DecodeStage> start(DecodeStage& next) const = 0;
    // An upper bound of the bytes made of one byte, >= 1.
    virtual std::size_t growth() const { return 1; }
};

class DecodePipe;

class Decoder {
public:
    // null: tokens joined by spaces.
    static Result<Decoder> parse(const Json& json, const std::string& where);

private:
    friend class DecodePipe;
    Steps<DecoderStep> steps_;
};

// One text being decoded. Its state is linear in what it holds back, its time in the text.
class DecodePipe {
public:
    explicit DecodePipe(const Decoder& decoder);  // the decoder must outlive this
    DecodePipe(DecodePipe&&) noexcept;
    ~DecodePipe();

    void push(std::string_view token);
    void finish();
    // What has come out since the last call.
    std::string take();

private:
    struct Sink;
    std::unique_ptr<Sink> sink_;
    std::vector<std::unique_ptr<DecodeStage>> stages_;  // last step first
};

}  // namespace dwubit
