// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "core/random.h"
#include "synth/vehicles/body.h"

namespace spinfill::synth {

// Everything that is drawn at random about a vehicle. Lengths in metres, s from the front bumper backwards, heights
// above the ground; `side` is +1 for the vehicle's left and −1 for its right.
struct Paint {
  Vec3 colour = Vec3::Constant(0.5f);
  float metallic = 0, roughness = 0.5f;
};

struct Decal {
  enum Kind { kText, kDisc, kStripe, kDiamond } kind = kText;
  float side = 1;
  float s = 2, z = 0.7f, half_length = 0.5f, half_height = 0.1f, slant = 0;
  Vec3 colour = Vec3::Ones();
  cv::Mat mask;  // 8-bit coverage of a text
};

struct Window {
  float from, to;  // s at the height of the belt line
};

struct Lamp {
  float inner, outer;  // |y| as a share of the half width; outer > 1 wraps around the corner
  float low, high;     // heights of its middle edge
  float rise;          // how much higher its outer end is
  float wrap;          // how far it reaches along the side
  bool round = false;
};

struct FaceDesign {  // front or rear
  Lamp lamp;
  float grille_half = 0.4f, grille_low = 0.5f, grille_high = 0.7f;  // half_width 0: none
  int grille_pattern = 0;  // 0 bars, 1 mesh, 2 vertical slots, 3 frame with one bar
  bool grille_chrome = false;
  float intake_half = 0.5f, intake_low = 0.25f, intake_high = 0.4f;
  bool fog_lamps = false;
  float bumper_line = 0.45f;  // below: bumper, in `bumper` paint where it is unpainted
  bool plastic_bumper = false;
  bool light_bar = false;                                  // lamps joined across the face
  float screen_low = 0, screen_high = 0, screen_half = 0;  // window in the face, where it has one
};

struct WheelDesign {
  float radius = 0.33f, width = 0.22f, rim = 0.22f;
  int spokes = 5, style = 0;  // style: 0 straight, 1 split, 2 disc with holes, 3 multi, 4 steel
  float twist = 0;
  Paint paint;
};

// What stands on a face and is read from outside.
struct Badge {
  bool front = false, ring = false;  // ring: an ellipse round it
  float y = 0, z = 0.7f, half_length = 0.1f, half_height = 0.03f;
  cv::Mat mask;  // 8-bit coverage of a text
};

// What the photo look has beyond the plain one.
struct PhotoDetails {
  int day_light = 0;         // running light of the front lamps: 0 below, 1 above, 2 an L, 3 a ring, 4 none
  int lenses = 2;            // of a front lamp
  int tail = 0;              // light guides of the tail lamps: 0 bars, 1 a C, 2 points
  float bar_pitch = 0.035f;  // of the grille
  float vent_inner = 0.6f;   // side vents of the bumper, |y| as a share of the half width
  bool vent_lamp = false, skid_plate = false;
  float spoke_width = 0.2f;  // share of the rim's radius, at the hub
  bool machined = false;     // bright faces on dark spokes
  Vec3 caliper = Vec3::Constant(0.1f);
  cv::Mat tyre_mark;  // lettering on the side wall
  std::vector<Badge> badges;
};

struct VehicleDesign {
  std::string category;
  bool photo = false;  // whether `details` is drawn
  PhotoDetails details;
  BodyShape body;
  float height = 1.45f, width = 1.8f, clearance = 0.16f;
  Paint paint, second;
  enum TwoTone { kOne, kRoof, kLower, kHood } two_tone = kOne;
  bool black_roof = false, sunroof = false, dark_pillars = true;
  Vec3 trim = Vec3::Constant(0.02f);  // plastics
  bool cladding = false, chrome_line = false;
  std::vector<Window> windows;
  float window_low = 0.04f, window_high = 0.09f;  // distance from the belt line and from the roof line
  float windscreen_from = 1.2f, windscreen_to = 2, rear_window_from = 3.4f, rear_window_to = 4;  // s; equal: none
  std::vector<float> doors;                   // s of the vertical cuts
  std::vector<float> handles;                 // s
  float door_low = 0.28f, gap_half = 0.007f;  // half width of the gaps between panels
  float handle_z = 0.82f, handle_chrome = 0;
  float screen_edge = 0.02f,
        hood_edge = 0.12f;                 // where windscreen and bonnet end across the top, as body_surface counts
  float hood_from = 0.1f, hood_to = 1.1f;  // hood shut line; equal: none
  float trunk_from = 0;                    // rear deck's line; 0: none
  FaceDesign front, rear;
  Vec3 lamp_tint = Vec3::Ones();
  float cap_side = -1, cap_s = 3.7f, cap_z = 0.8f;  // fuel cap
  float driver_side = 1, exhaust_side = -1, plate_offset = 0;
  int exhausts = 1;
  bool mirrors = true, one_mirror = false, rails = false, spoiler = false, aerial = false, spare_wheel = false,
       rack = false;
  float glass_tint = 0.3f, rear_glass_tint = 0.12f;
  std::vector<Decal> decals;
  std::string plate_text;
  Paint plate;
  Vec3 seat = Vec3::Constant(0.05f);
  WheelDesign wheel;
  std::vector<float> axles;    // s
  float wheel_inset = 0.025f;  // of the tyres' outer faces from the widest place
  bool dual_rear = false;
  // truck: what stands behind the cab
  enum Cargo { kNoCargo, kBoxCargo, kFlatbed, kTank } cargo = kNoCargo;
  float total_length = 4.5f, cargo_from = 0, cargo_low = 0, cargo_high = 0;
  Paint cargo_paint;
  // bus: doors on one side
  float door_side = -1;
  std::vector<Window> glass_doors;
};

// A vehicle of that category, one of kCategories (data/sets/categories.h); a pure function of the generator's state.
VehicleDesign draw_design(const std::string& category, Random& random);

// Brings that vehicle nearer to a photographed one: rounder ends, deeper wheels, lamps and grilles with an inside,
// lettering. The plain vehicle's numbers stay what they are; a pure function of them and of the generator's state.
void add_photo_details(VehicleDesign& design, Random& random);

// Coverage of a text, 8 bit, tightly cropped; height px.
cv::Mat text_mask(const std::string& text, int height, bool bold);

}  // namespace spinfill::synth
