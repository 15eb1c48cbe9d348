// Translation edit rate: words inserted, deleted, replaced, or runs of words moved, over the words of the reference.
//
// Moves are searched for greedily and, as in Tercom and sacrebleu, with limits that change scores: how far and how long
// a run may move, how many moves are tried, and how far from the diagonal the edit distance looks.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "eval/metrics/text.h"
#include "eval/metrics/text_metrics.h"
#include "template/python_text.h"

namespace dwubit {
namespace {

constexpr std::size_t kMaxRun = 10;
constexpr std::int64_t kMaxMove = 50;
constexpr int kMaxTries = 1000;
constexpr std::int64_t kBeam = 25;
constexpr std::size_t kMaxCells = std::size_t{1} << 25;
constexpr std::int64_t kNever = 10'000'000'000'000'000;

using Words = std::vector<int>;  // numbers of words

enum class Edit : std::uint8_t { kUnset, kKeep, kReplace, kInsert, kDelete };

struct Cell {
    std::int64_t cost = kNever;
    Edit edit = Edit::kUnset;
};

// The table of the edit distance from an answer to the reference, row by word of the answer.
class EditTable {
public:
    EditTable(const Words& reference, std::size_t answer_words)
        : reference_(reference), rows_(answer_words + 1), columns_(reference.size() + 1), cells_(rows_ * columns_) {
        for (std::size_t j = 0; j < columns_; ++j) cells_[j] = {static_cast<std::int64_t>(j), Edit::kInsert};
        const double ratio =
            answer_words == 0 ? 1.0 : static_cast<double>(reference.size()) / static_cast<double>(answer_words);
        ratio_ = ratio;
        beam_ =
            static_cast<double>(kBeam) < ratio / 2 ? static_cast<std::int64_t>(std::ceil(ratio / 2 + kBeam)) : kBeam;
    }

    // Rows up to `from` are those of an answer that begins with the same `from` words.
    std::int64_t fill(const Words& answer, std::size_t from) {
        for (std::size_t i = from + 1; i < rows_; ++i) fill_row(answer, i);
        return cells_.back().cost;
    }

    void copy_rows(const EditTable& other, std::size_t last) {
        std::copy_n(other.cells_.begin(), (last + 1) * columns_, cells_.begin());
    }

    // From the first word on.
    std::vector<Edit> edits() const {
        std::vector<Edit> path;
        std::size_t i = rows_ - 1;
        std::size_t j = columns_ - 1;
        while (i > 0 || j > 0) {
            Edit edit = cells_[i * columns_ + j].edit;
            // The beam leaves no way out only if rows do not overlap, which its width rules out.
            if (edit == Edit::kUnset) edit = i > 0 ? Edit::kDelete : Edit::kInsert;
            path.push_back(edit);
            if (edit != Edit::kInsert) --i;
            if (edit != Edit::kDelete) --j;
        }
        std::reverse(path.begin(), path.end());
        return path;
    }

private:
    void fill_row(const Words& answer, std::size_t i) {
        Cell* const row = &cells_[i * columns_];
        const Cell* const above = row - columns_;
        std::fill(row, row + columns_, Cell{});
        const auto diagonal = static_cast<std::int64_t>(std::floor(static_cast<double>(i) * ratio_));
        const auto width = static_cast<std::int64_t>(columns_);
        const std::int64_t begin = std::max<std::int64_t>(0, diagonal - beam_);
        const std::int64_t end = i + 1 == rows_ ? width : std::min(width, diagonal + beam_);
        for (std::int64_t j = begin; j < end; ++j) {
            if (j == 0) {
                row[0] = {above[0].cost + 1, Edit::kDelete};
                continue;
            }
            const bool same = answer[i - 1] == reference_[static_cast<std::size_t>(j - 1)];
            const auto offer = [&](std::int64_t cost, Edit edit) {
                if (row[j].cost > cost) row[j] = {cost, edit};
            };
            offer(above[j - 1].cost + (same ? 0 : 1), same ? Edit::kKeep : Edit::kReplace);
            offer(above[j].cost + 1, Edit::kDelete);
            offer(row[j - 1].cost + 1, Edit::kInsert);
        }
    }

    const Words& reference_;
    std::size_t rows_;
    std::size_t columns_;
    std::vector<Cell> cells_;
    double ratio_ = 1;
    std::int64_t beam_ = kBeam;
};

// Which word of the answer stands for each word of the reference (-1: before the first), and which words are wrong.
struct Alignment {
    std::vector<std::int64_t> answer_of;
    std::vector<char> wrong_in_reference, wrong_in_answer;
};

Alignment align(const std::vector<Edit>& edits) {
    Alignment out;
    std::int64_t position = -1;
    for (const Edit edit : edits) {
        const bool wrong = edit != Edit::kKeep;
        if (edit != Edit::kInsert) {
            ++position;
            out.wrong_in_answer.push_back(wrong ? 1 : 0);
        }
        if (edit != Edit::kDelete) {
            out.answer_of.push_back(position);
            out.wrong_in_reference.push_back(wrong ? 1 : 0);
        }
    }
    return out;
}

Words moved(const Words& words, std::size_t start, std::size_t length, std::size_t target) {
    Words rest(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(start));
    rest.insert(rest.end(), words.begin() + static_cast<std::ptrdiff_t>(start + length), words.end());
    // Behind the run the target counts words that the run no longer precedes; inside it, it is where the run lands.
    std::size_t place = target;
    if (target > start + length) place = target - length;
    place = std::min(place, rest.size());
    const auto run = words.begin() + static_cast<std::ptrdiff_t>(start);
    rest.insert(rest.begin() + static_cast<std::ptrdiff_t>(place), run, run + static_cast<std::ptrdiff_t>(length));
    return rest;
}

class Shifter {
public:
    Shifter(const Words& answer, const Words& reference) : answer_(answer), reference_(reference) {}

    // Edits and moves.
    std::int64_t run() {
        if (reference_.empty()) return static_cast<std::int64_t>(answer_.size());
        std::int64_t moves = 0;
        EditTable table(reference_, answer_.size());
        std::int64_t cost = table.fill(answer_, 0);
        while (true) {
            const std::optional<Move> best = best_move(table, cost);
            if (tries_ >= kMaxTries || !best || best->gain <= 0) break;
            ++moves;
            answer_ = best->words;
            cost = table.fill(answer_, 0);
        }
        return moves + cost;
    }

private:
    struct Move {
        std::int64_t gain;
        std::size_t length;
        std::size_t start;
        std::size_t target;
        Words words;

        // The greater gain, the longer run, the earlier start, the earlier target. Words never decide: a run is moved
        // to a place once.
        auto rank() const {
            return std::tuple(gain, length, -static_cast<std::int64_t>(start), -static_cast<std::int64_t>(target));
        }
    };

    std::optional<Move> best_move(const EditTable& table, std::int64_t cost) {
        const Alignment alignment = align(table.edits());
        EditTable trial(reference_, answer_.size());
        std::optional<Move> best;
        for (std::size_t h = 0; h < answer_.size(); ++h) {
            for (std::size_t r = 0; r < reference_.size(); ++r) {
                if (std::abs(static_cast<std::int64_t>(r) - static_cast<std::int64_t>(h)) > kMaxMove) continue;
                for (std::size_t length = 1; length <= kMaxRun && matches(h, r, length); ++length) {
                    if (!worth(alignment, h, r, length)) continue;
                    try_targets(table, trial, alignment, cost, {h, r, length}, best);
                    if (tries_ >= kMaxTries) return best;
                }
            }
        }
        return best;
    }

    bool matches(std::size_t h, std::size_t r, std::size_t length) const {
        return h + length <= answer_.size() && r + length <= reference_.size() &&
               answer_[h + length - 1] == reference_[r + length - 1];
    }

    static bool worth(const Alignment& alignment, std::size_t h, std::size_t r, std::size_t length) {
        const auto any = [&](const std::vector<char>& wrong, std::size_t begin) {
            const auto from = wrong.begin() + static_cast<std::ptrdiff_t>(begin);
            return std::find(from, from + static_cast<std::ptrdiff_t>(length), 1) !=
                   from + static_cast<std::ptrdiff_t>(length);
        };
        if (!any(alignment.wrong_in_answer, h) || !any(alignment.wrong_in_reference, r)) return false;
        const std::int64_t place = alignment.answer_of[r];
        return place < static_cast<std::int64_t>(h) || place >= static_cast<std::int64_t>(h + length);
    }

    struct Run {
        std::size_t h, r, length;
    };

    void try_targets(const EditTable& table, EditTable& trial, const Alignment& alignment, std::int64_t cost,
                     const Run& run, std::optional<Move>& best) {
        std::int64_t previous = -1;
        for (std::int64_t offset = -1; offset < static_cast<std::int64_t>(run.length); ++offset) {
            const std::int64_t place = static_cast<std::int64_t>(run.r) + offset;
            if (place >= static_cast<std::int64_t>(alignment.answer_of.size())) break;
            const std::int64_t target = place == -1 ? 0 : alignment.answer_of[static_cast<std::size_t>(place)] + 1;
            if (target == previous) continue;
            previous = target;
            const auto to = static_cast<std::size_t>(target);
            Words words = moved(answer_, run.h, run.length, to);
            const auto same = static_cast<std::size_t>(
                std::mismatch(words.begin(), words.end(), answer_.begin()).first - words.begin());
            trial.copy_rows(table, same);
            Move move{cost - trial.fill(words, same), run.length, run.h, to, std::move(words)};
            ++tries_;
            if (!best || move.rank() > best->rank()) best = std::move(move);
        }
    }

    Words answer_;
    const Words& reference_;
    int tries_ = 0;
};

Result<std::vector<double>> ter_counts(const TextPair& pair) {
    std::map<std::string, int> numbers;
    const auto numbered = [&](const std::string& text) {
        Words words;
        const std::string lower = tmpl::to_lower(tmpl::strip_right(text));
        for (const std::string_view word : split_words(lower)) {
            words.push_back(numbers.emplace(word, static_cast<int>(numbers.size())).first->second);
        }
        return words;
    };
    const Words answer = numbered(pair.answer);
    std::int64_t edits = kNever;
    std::int64_t length = 0;
    for (const std::string& text : pair.references) {
        const Words reference = numbered(text);
        if ((answer.size() + 1) * (reference.size() + 1) > kMaxCells) {
            return errorf(ErrorKind::kInvalidInput, "ter: texts of {} and {} words are too long", answer.size(),
                          reference.size());
        }
        edits = std::min(edits, Shifter(answer, reference).run());
        length += static_cast<std::int64_t>(reference.size());
    }
    return std::vector<double>{static_cast<double>(edits),
                               static_cast<double>(length) / static_cast<double>(pair.references.size())};
}

double ter_score(std::span<const double> sums) {
    if (sums[1] > 0) return 100 * (sums[0] / sums[1]);
    return sums[0] > 0 ? 100 : 0;
}

}  // namespace

const TextMetric kTer = {"ter", 2, ter_counts, ter_score};

}  // namespace dwubit
