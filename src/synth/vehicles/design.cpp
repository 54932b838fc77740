// SPDX-License-Identifier: Apache-2.0
#include "synth/vehicles/design.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "synth/vehicles/design_draw.h"

namespace spinfill::synth {
namespace {

Vec3 from_hsv(float hue, float saturation, float value) {
  const auto channel = [&](float offset) {
    const float k = std::fmod(offset + hue * 6, 6.0f);
    return value - value * saturation * std::max(0.0f, std::min({k, 4 - k, 1.0f}));
  };
  return linear_from_srgb(static_cast<int>(255 * channel(5)), static_cast<int>(255 * channel(3)),
                          static_cast<int>(255 * channel(1)));
}

}  // namespace

// Real fleets are mostly white, black, grey and silver; colours are kept frequent enough to be learnt.
Paint draw_paint(Draw& draw) {
  Paint paint;
  const float kind = draw(0, 1);
  if (kind < 0.14f)
    paint.colour = Vec3::Constant(draw(0.72, 0.88)).cwiseProduct(Vec3(1, draw(0.97, 1), draw(0.9, 1)));
  else if (kind < 0.25f)
    paint.colour = Vec3::Constant(draw(0.008, 0.03));
  else if (kind < 0.42f)
    paint.colour = Vec3::Constant(draw(0.08, 0.55)).cwiseProduct(Vec3(draw(0.92, 1.05), 1, draw(0.95, 1.12)));
  else if (kind < 0.58f)
    paint.colour = from_hsv(std::fmod(draw(0.96, 1.04), 1.0f), draw(0.7, 0.98), draw(0.45, 0.85));
  else if (kind < 0.75f)
    paint.colour = from_hsv(draw(0.54, 0.68), draw(0.4, 0.95), draw(0.3, 0.85));
  else if (kind < 0.83f)
    paint.colour = from_hsv(draw(0.24, 0.48), draw(0.25, 0.8), draw(0.25, 0.65));
  else if (kind < 0.93f)
    paint.colour = from_hsv(draw(0.05, 0.16), draw(0.5, 0.97), draw(0.55, 0.98));
  else
    paint.colour = from_hsv(draw(0, 1), draw(0.2, 0.8), draw(0.3, 0.9));
  paint.metallic = draw.chance(0.5) && kind >= 0.14f ? draw(0.35, 0.75) : 0;
  paint.roughness = draw(0.32, 0.5);
  return paint;
}

std::string draw_text(Draw& draw, const char* pattern) {
  static const std::string letters = "ABCDEFGHJKLMNPRSTUVWXYZ";
  std::string text = pattern;
  for (auto& c : text) {
    if (c == 'A')
      c = letters[static_cast<std::size_t>(draw.pick(static_cast<int>(letters.size())))];
    else if (c == '9')
      c = static_cast<char>('0' + draw.pick(10));
  }
  return text;
}

std::string draw_word(Draw& draw) {
  static const std::array<const char*, 24> words = {"EXPRESS", "TURBO",  "CITY",    "4x4",    "SPORT",    "CARGO",
                                                    "RALLY",   "TAXI",   "POLICE",  "AQUA",   "BAKERY",   "FRESH",
                                                    "MOVE",    "LINE 7", "SHUTTLE", "RENTAL", "ELECTRIC", "HYBRID",
                                                    "FARM",    "PIZZA",  "DELTA",   "NORD",   "OMEGA",    "RANGER"};
  return words[static_cast<std::size_t>(draw.pick(static_cast<int>(words.size())))];
}

Vec3 contrasting(Draw& draw, const Vec3& background) {
  if (draw.chance(0.45))
    return background.mean() > 0.25f ? Vec3::Constant(draw(0.005, 0.04)) : Vec3::Constant(draw(0.7, 0.88));
  for (int i = 0; i < 8; ++i) {
    const Vec3 colour = draw_paint(draw).colour;
    if ((colour - background).norm() > 0.3f) return colour;
  }
  return Vec3::Constant(background.mean() > 0.25f ? 0.02f : 0.8f);
}

Decal text_decal(Draw& draw, const std::string& text, float side, float s, float z, float height, float most_length,
                 const Vec3& colour) {
  Decal decal;
  decal.kind = Decal::kText;
  decal.mask = text_mask(text, 64, draw.chance(0.6));
  decal.side = side;
  decal.s = s;
  decal.z = z;
  decal.colour = colour;
  const float aspect = static_cast<float>(decal.mask.cols) / static_cast<float>(decal.mask.rows);
  decal.half_height = std::min(height, most_length / aspect) / 2;
  decal.half_length = decal.half_height * aspect;
  return decal;
}

WheelDesign draw_wheel(Draw& draw, float radius, float rim_share, float width) {
  WheelDesign wheel;
  wheel.radius = radius;
  wheel.width = width;
  wheel.rim = radius * rim_share;
  wheel.style = draw.pick(5);
  wheel.spokes = wheel.style == 3 ? 9 + draw.pick(8) : wheel.style == 4 ? 8 + draw.pick(5) : 5 + draw.pick(3);
  wheel.twist = draw.chance(0.25) ? draw(-0.7, 0.7) : 0;
  wheel.paint.metallic = draw.chance(0.85) ? 0.9f : 0.1f;
  wheel.paint.colour = draw.chance(0.25) ? Vec3::Constant(draw(0.02, 0.08)) : Vec3::Constant(draw(0.35, 0.7));
  wheel.paint.roughness = draw(0.22, 0.4);
  return wheel;
}

VehicleDesign draw_common(Draw& draw, const std::string& category) {
  VehicleDesign d;
  d.category = category;
  d.paint = draw_paint(draw);
  d.second = draw_paint(draw);
  d.second.colour = contrasting(draw, d.paint.colour);
  d.trim = Vec3::Constant(draw(0.012, 0.05));
  d.chrome_line = draw.chance(0.3);
  d.handle_chrome = draw.chance(0.3) ? 1.0f : 0.0f;
  d.cap_side = draw.side();
  d.exhaust_side = draw.side();
  d.driver_side = draw.chance(0.75) ? 1.0f : -1.0f;
  d.door_side = -d.driver_side;
  d.plate_offset = draw.chance(0.25) ? draw.side() * draw(0.15, 0.35) : 0;
  d.exhausts = draw.chance(0.15) ? 0 : draw.chance(0.7) ? 1 : 2;
  d.glass_tint = draw(0.25, 0.75);
  d.rear_glass_tint = draw.chance(0.5) ? d.glass_tint : draw(0.05, 0.25);
  d.lamp_tint = Vec3::Constant(draw(0.2, 1.0));
  static const std::array<const char*, 6> patterns = {"AA 999 AA", "A 9999",   "999 AAA",
                                                      "AAA 99 99", "AA99 AAA", "99 A 999"};
  d.plate_text = draw_text(draw, patterns[static_cast<std::size_t>(draw.pick(6))]);
  const int plate = draw.pick(5);
  d.plate.colour = plate == 0   ? Vec3(0.75f, 0.55f, 0.05f)
                   : plate == 1 ? Vec3(0.01f, 0.06f, 0.35f)
                   : plate == 2 ? Vec3(0.02f, 0.25f, 0.1f)
                                : Vec3::Constant(0.8f);
  d.seat = draw.chance(0.7) ? Vec3(Vec3::Constant(draw(0.015, 0.08))) : Vec3(0.35f, 0.24f, 0.15f) * draw(0.4, 1);
  d.dark_pillars = draw.chance(0.7);
  return d;
}

void set_lamps(Draw& draw, VehicleDesign& d, float hood_z, float rear_low, float rear_high) {
  const float bottom = d.clearance + 0.04f;
  FaceDesign& f = d.front;
  const float lamp_height = draw(0.09, 0.17);
  f.lamp.high = hood_z - draw(0.03, 0.09);
  f.lamp.low = f.lamp.high - lamp_height;
  f.lamp.inner = draw(0.5, 0.68);
  f.lamp.outer = 1.5f;
  f.lamp.rise = draw(-0.01, 0.05);
  f.lamp.wrap = draw(0.3, 0.55);
  f.light_bar = draw.chance(0.1);
  f.grille_half = 0.5f * d.width * draw(0.32, 0.52);
  f.grille_high = f.lamp.high - draw(-0.01, 0.05);
  f.grille_low = f.grille_high - draw(0.1, 0.28);
  f.grille_pattern = draw.pick(4);
  f.grille_chrome = draw.chance(0.55);
  if (draw.chance(0.1)) f.grille_half = 0;  // electric
  f.bumper_line = std::min(f.grille_low, f.lamp.low) - draw(0.03, 0.08);
  f.intake_half = 0.5f * d.width * draw(0.35, 0.75);
  f.intake_low = bottom + draw(0.04, 0.08);
  f.intake_high = std::max(f.intake_low + 0.05f, std::min(f.bumper_line - 0.08f, f.intake_low + draw(0.07, 0.18)));
  f.fog_lamps = draw.chance(0.45);
  f.plastic_bumper = d.cladding && draw.chance(0.5);
  FaceDesign& r = d.rear;
  r.lamp.low = rear_low;
  r.lamp.high = rear_high;
  r.lamp.inner = draw(0.5, 0.78);
  r.lamp.outer = 1.5f;
  r.lamp.rise = draw(-0.03, 0.03);
  r.lamp.wrap = draw(0.15, 0.4);
  r.light_bar = draw.chance(0.2);
  r.grille_half = 0;
  r.intake_half = draw.chance(0.5) ? 0.5f * d.width * draw(0.4, 0.7) : 0;
  r.intake_low = bottom;
  r.intake_high = bottom + draw(0.06, 0.14);
  r.bumper_line = rear_low - draw(0.12, 0.2);
  r.fog_lamps = draw.chance(0.2);
  r.plastic_bumper = f.plastic_bumper;
}

void add_decals(Draw& draw, VehicleDesign& d, float from, float to, float z, float height, double probability) {
  if (!draw.chance(probability)) return;
  const int kind = draw.pick(4);
  const float side = draw.side();
  if (kind == 0 || kind == 3) {
    Decal stripe;
    stripe.kind = Decal::kStripe;
    stripe.half_height = draw(0.02, 0.07);
    stripe.half_length = (to - from) / 2 * draw(0.6, 1.0);
    stripe.s = (from + to) / 2;
    stripe.z = z + draw(-0.12, 0.1);
    stripe.colour = contrasting(draw, d.paint.colour);
    const bool both = draw.chance(0.6);
    for (const float each : {1.0f, -1.0f}) {
      stripe.side = each;
      if (both || each == side) d.decals.push_back(stripe);
    }
  }
  if (kind >= 1) {
    const Vec3 ink = contrasting(draw, d.paint.colour);
    d.decals.push_back(text_decal(draw, draw_word(draw), side, mix(from, to, draw(0.35, 0.65)), z,
                                  height * draw(0.7, 1.1), 0.8f * (to - from), ink));
    if (draw.chance(0.5)) {
      d.decals.push_back(text_decal(draw, draw_text(draw, "99"), -side, mix(from, to, draw(0.3, 0.7)), z, height,
                                    0.5f * (to - from), ink));
      if (draw.chance(0.5)) {
        Decal disc = d.decals.back();
        disc.kind = draw.chance(0.6) ? Decal::kDisc : Decal::kDiamond;
        disc.half_length = disc.half_height = 1.6f * disc.half_height;
        disc.colour = contrasting(draw, ink);
        d.decals.push_back(disc);
      }
    }
  }
}

void set_arches(Draw& draw, VehicleDesign& d, float gap, float flare) {
  d.body.arches.clear();
  for (const float s : d.axles) {
    d.body.arches.push_back({s, d.wheel.radius + 0.01f, d.wheel.radius + gap, flare, draw(0.06, 0.14)});
  }
}

cv::Mat text_mask(const std::string& text, int height, bool bold) {
  const int face = cv::FONT_HERSHEY_DUPLEX, thickness = bold ? 9 : 5;
  int base = 0;
  const cv::Size size = cv::getTextSize(text, face, 3.0, thickness, &base);
  cv::Mat canvas = cv::Mat::zeros(size.height + 40, size.width + 40, CV_8U);
  cv::putText(canvas, text, {20, size.height + 20}, face, 3.0, 255, thickness, cv::LINE_AA);
  const cv::Rect ink = cv::boundingRect(canvas);
  if (ink.empty()) return {};
  cv::Mat out;
  cv::resize(canvas(ink), out, {std::max(1, ink.width * height / ink.height), height}, 0, 0, cv::INTER_AREA);
  return out;
}

VehicleDesign draw_design(const std::string& category, Random& random) {
  Draw draw{random};
  if (category == "bus") return draw_bus(draw);
  if (category == "truck") return draw_truck(draw);
  return draw_car(draw, category);
}

}  // namespace spinfill::synth
