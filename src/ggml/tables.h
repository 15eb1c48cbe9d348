// Constant tables of ggml's block types: facts of the format, kept as data. From the Python package gguf 0.19 (MIT
// licence, gguf/quants.py), where each is found under the same name.
#pragma once

#include <array>
#include <cstdint>

namespace dwubit::ggml {

// Points of 8 coordinates; coordinate i is kIq2Levels[bits 2i, 2i + 1]. Which of the points with an even sum of levels
// there are is its author's choice, by how often they occur in models.
extern const std::array<std::uint16_t, 256> kIq2XxsGrid;
extern const std::array<std::uint16_t, 512> kIq2XsGrid;
extern const std::array<std::uint16_t, 1024> kIq2SGrid;
constexpr std::array<std::uint8_t, 4> kIq2Levels = {8, 25, 43, 0};  // level 3 is in no grid

// Points of 4 coordinates; coordinate i is kIq3Levels[bits 4i to 4i + 2].
extern const std::array<std::uint16_t, 256> kIq3XxsGrid;
constexpr std::array<std::uint8_t, 8> kIq3Levels = {4, 12, 20, 28, 36, 44, 52, 62};

constexpr std::int8_t kIq4NlValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

}  // namespace dwubit::ggml
